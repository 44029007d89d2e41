// Recovery of an object in the child of a fork. Private.
#pragma once

#include <ferrule/detail/fork_generation.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

namespace ferrule::detail {

/// Guards an object of which a thread that does not exist in the child of a fork may be in the middle of something.
class fork_guard {
public:
    /// Calls `recover` once in the child, before any other call returns there. Called before each use of the object.
    template <class Recover>
    void check(Recover recover) noexcept
    {
        const std::uint32_t current = fork_generation();
        auto seen = generation_.load(std::memory_order_acquire);
        while (seen != current) {
            if (seen != recovering && generation_.compare_exchange_weak(seen, recovering, std::memory_order_acquire)) {
                recover();
                generation_.store(current, std::memory_order_release);
                return;
            }
            std::this_thread::yield();
            seen = generation_.load(std::memory_order_acquire);
        }
    }

private:
    static constexpr std::uint32_t recovering = UINT32_MAX;

    std::atomic<std::uint32_t> generation_{fork_generation()};
};

} // namespace ferrule::detail
