// How two sides agree on shared memory, over a unix stream socket. Private.
//
// Each side sends, without waiting for the other, numbers in little-endian order:
//
//     "ferrule shm" and a zero, 12 bytes; version 1, 4 bytes; capacity of the ring that it writes, 8 bytes
//     3 bytes of value 1, each with a handle beside it: the memory of that ring, and the writing ends of two pipes, which
//     wake this side when it waits for bytes, and when it waits for room
//     1 byte once it has the same of the peer: 0 if it agrees, 1 if the capacity is too large, 2 if it cannot
#pragma once

#include "platform/handle_socket.hpp"
#include "platform/shared_memory/memory.hpp"
#include "platform/unique_handle.hpp"

#include <ferrule/socket_like.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace ferrule::shared_memory {

class meeting {
public:
    /// Makes the memory of the ring that this side writes. Throws `error`, before anything is sent.
    meeting(os::unique_handle socket, std::uint64_t capacity, std::uint64_t max_peer_capacity);

    /// Goes as far as possible immediately. Returns what to wait for, or nothing once both sides agree. Throws `error`:
    /// `errc::malformed` for another kind of peer; `errc::too_large` and `errc::unsupported` if either side refuses, and then
    /// both have read all that the other has sent.
    [[nodiscard]] std::optional<readiness> advance();
    /// The stream, once `advance` has returned nothing.
    [[nodiscard]] descriptor take();

private:
    static constexpr std::size_t hello_size = 24;
    static constexpr std::size_t handle_count = 3;
    enum class verdict : unsigned char { agreed, too_large, impossible };

    bool send();
    bool receive(std::size_t until);
    void judge();

    std::uint64_t capacity_;
    std::uint64_t max_peer_capacity_;
    std::shared_ptr<detail::handle_arrivals> arrivals_ = std::make_shared<detail::handle_arrivals>();
    descriptor socket_;
    std::unique_ptr<ring_memory> memory_;
    std::unique_ptr<ring_memory> peer_memory_;
    std::uint64_t peer_capacity_ = 0;
    std::array<std::optional<descriptor>, 2> bells_;      // of this side, for bytes and for room
    std::array<std::optional<descriptor>, 2> peer_bells_; // likewise
    std::array<os::unique_handle, handle_count> mine_;    // for the peer
    std::array<os::unique_handle, handle_count> theirs_;
    std::array<std::byte, hello_size> hello_{};
    std::array<std::byte, hello_size + handle_count + 1> received_{};
    std::size_t sent_size_ = 0;
    std::size_t received_size_ = 0;
    std::optional<verdict> verdict_;
    error_code refusal_;
};

} // namespace ferrule::shared_memory
