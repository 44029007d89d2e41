// Sends the endpoint's tail and then a frame. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <ferrule/detail/requests.hpp>

namespace ferrule::detail {

class write_operation final : public operation {
public:
    /// Only flushes the tail.
    explicit write_operation(channel& c) noexcept : operation(direction::write), channel_(c) {}
    /// The request stays where it is until the operation ends.
    write_operation(channel& c, write_request& request) noexcept
        : operation(direction::write),
          channel_(c),
          frame_(&request.frame),
          total_(request.frame.size()),
          packet_(c.packets && request.kind == write_request::what::send),
          shut_down_(request.kind == write_request::what::shutdown)
    {
    }
    /// Goes on where `other` stands, with the same request at another place.
    write_operation(const write_operation& other, write_request& request) noexcept
        : write_operation(other.channel_, request)
    {
        sent_ = other.sent_;
        part_ = other.part_;
        offset_ = other.offset_;
    }

    [[nodiscard]] step advance(bool eager) override;
    void give_up() noexcept override;

    /// Bytes of the frame that have left.
    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

private:
    static constexpr std::size_t most_views = 64; // in one call
    static constexpr std::size_t joined_at_most = 4096;
    static constexpr std::size_t watched_at_most = 256 * 1024;

    [[nodiscard]] step send_bytes();
    [[nodiscard]] step send_packet();
    /// Whether a handle is to leave beside the first byte of the frame. That byte then is the first of a call.
    [[nodiscard]] bool brings_handle() const noexcept;
    [[nodiscard]] io_result write(std::span<const byte_view> views) noexcept;
    [[nodiscard]] step stopped(const io_result& r) noexcept;
    void consume(std::size_t n);
    void end() noexcept;

    channel& channel_;
    encoded* frame_ = nullptr;
    std::size_t total_ = 0;
    bool packet_ = false;
    bool shut_down_ = false;
    std::size_t sent_ = 0;
    std::size_t part_ = 0;   // the first part of the frame that has not left whole
    std::size_t offset_ = 0; // bytes of it that have
};

} // namespace ferrule::detail
