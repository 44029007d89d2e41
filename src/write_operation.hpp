// Sends the endpoint's tail and then a frame. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <ferrule/framing/framing.hpp>

namespace ferrule::detail {

class write_operation final : public operation {
public:
    /// Only flushes the tail.
    explicit write_operation(channel& c) noexcept : write_operation(c, nullptr) {}
    /// `frame` stays where it is until the operation ends.
    write_operation(channel& c, encoded* frame) noexcept
        : operation(direction::write),
          channel_(c),
          frame_(frame),
          total_(frame != nullptr ? frame->size() : 0)
    {
    }

    /// Goes on where `other` stands, with the same frame at another place.
    write_operation(const write_operation& other, encoded* frame) noexcept
        : operation(direction::write),
          channel_(other.channel_),
          frame_(frame),
          total_(other.total_),
          sent_(other.sent_),
          part_(other.part_),
          offset_(other.offset_)
    {
    }

    [[nodiscard]] step advance(bool eager) override;
    void give_up() noexcept override;

    /// Bytes of the frame that have left.
    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

private:
    void consume(std::size_t n) noexcept;

    channel& channel_;
    encoded* frame_;
    std::size_t total_;
    std::size_t sent_ = 0;
    std::size_t part_ = 0;   // the first part of the frame that has not left whole
    std::size_t offset_ = 0; // bytes of it that have
};

} // namespace ferrule::detail
