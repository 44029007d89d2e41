// A stream through shared memory. Private.
#pragma once

#include "platform/shared_memory/memory.hpp"

#include <ferrule/socket_like.hpp>

#include <memory>
#include <utility>

namespace ferrule::shared_memory {

/// One direction of a stream, as one side has it.
class half {
public:
    half(std::unique_ptr<ring_memory> m, descriptor wakes, descriptor bell_of_this_side) noexcept
        : memory(std::move(m)),
          wakes_peer(std::move(wakes)),
          bell(std::move(bell_of_this_side))
    {
    }

    std::unique_ptr<ring_memory> memory;
    descriptor wakes_peer; // the writing end of a pipe; the peer sleeps at the other
    descriptor bell;       // the reading end of a pipe, where this side sleeps; its end tells that the peer has gone
};

/// The handles belong to the result. `capacity` is of both rings.
[[nodiscard]] descriptor make_stream(half out, std::uint64_t out_capacity, half in, std::uint64_t in_capacity);

} // namespace ferrule::shared_memory
