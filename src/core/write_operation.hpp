// Sending the endpoint's tail and then a frame. Private.
#pragma once

#include "src/core/channel.hpp"
#include "src/core/operation.hpp"
#include "src/core/outgoing_frame.hpp"

#include <ferrule/detail/requests.hpp>

namespace ferrule::detail {

/// Sends one frame. On a stream the rest of a frame that is given up becomes the tail. A packet leaves whole or not at
/// all, so it leaves no tail.
class write_operation final : public operation {
public:
    /// The request must stay in place until the operation ends.
    write_operation(channel& c, write_request& request, transfer_result& r) noexcept
        : operation(direction::write, r),
          channel_(c),
          frame_(request.frame),
          kind_(request.kind),
          outlived_(request.outlived)
    {
    }

    [[nodiscard]] step advance(bool now) override;
    error_code give_up(ending) noexcept override;

private:
    /// The number of bytes that `close` reports as unsent if it interrupts this operation now.
    [[nodiscard]] std::size_t to_leave() const noexcept;
    [[nodiscard]] step go_on();
    void own_rest() noexcept;
    [[nodiscard]] step send_packet();
    /// Whether a handle leaves beside the first byte of the frame. That byte must then be the first of a system call.
    [[nodiscard]] bool brings_handle() const noexcept;
    [[nodiscard]] io_result write(std::span<const byte_view> views) noexcept;
    [[nodiscard]] step stopped(const io_result& r) noexcept;
    void consume(std::size_t n);
    /// Asks the descriptor whether it still holds what keeps the operation from ending.
    [[nodiscard]] io_result settle() noexcept;
    [[nodiscard]] step end() noexcept;

    channel& channel_;
    outgoing_frame frame_;
    write_request::what kind_;
    bool outlived_;
    bool is_held_ = false; // all of it was taken, and some of that is still in the descriptor
};

} // namespace ferrule::detail
