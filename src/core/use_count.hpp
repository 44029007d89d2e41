// Counts the callers inside a channel, so that its descriptor is closed only when there is none. Private.
#pragma once

#include <ferrule/detail/fork_generation.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

namespace ferrule::detail {

/// Thread-safe. In the child of a fork the count is 0, since the threads of the parent do not exist there.
class use_count {
public:
    /// Enters, even if shut. Returns the argument for `leave`.
    [[nodiscard]] std::uint32_t enter() noexcept
    {
        const std::uint32_t generation = current();
        state_.fetch_add(1, std::memory_order_acquire);
        return generation;
    }
    /// True once, when the count is shut and reaches 0. This includes callers that entered after the shutdown.
    [[nodiscard]] bool leave(std::uint32_t entered) noexcept
    {
        if (current() != entered)
            return false; // entered in the parent
        const std::uint64_t left = state_.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if ((left & count_mask) != 0 || (left & shut_flag) == 0)
            return false;
        // A caller that is refused late brings the count back to this point.
        std::uint64_t last = left & ~std::uint64_t{empty_flag};
        return state_.compare_exchange_strong(last, last | empty_flag, std::memory_order_acq_rel);
    }
    /// Refuses all later callers. False if the count was shut before.
    [[nodiscard]] bool shut() noexcept
    {
        (void)current();
        return (state_.fetch_or(shut_flag, std::memory_order_acq_rel) & shut_flag) == 0;
    }
    [[nodiscard]] bool is_shut() const noexcept { return (state_.load(std::memory_order_acquire) & shut_flag) != 0; }

    /// Called when the work due after `leave` returned true is done.
    void set_finished() noexcept { state_.fetch_or(finished_flag, std::memory_order_acq_rel); }
    /// Yields until `set_finished`, which takes no longer than other callers stay inside. `atomic::wait` is no
    /// alternative, since without a futex it may miss its notification in libstdc++ 12.
    void wait_until_finished() const noexcept
    {
        while ((state_.load(std::memory_order_acquire) & finished_flag) == 0)
            std::this_thread::yield();
    }

private:
    static constexpr std::uint64_t shut_flag = 1u << 31;
    static constexpr std::uint64_t empty_flag = 1u << 30;
    static constexpr std::uint64_t finished_flag = 1u << 29;
    static constexpr std::uint64_t count_mask = finished_flag - 1;

    std::uint32_t current() noexcept
    {
        const std::uint32_t generation = fork_generation();
        std::uint64_t state = state_.load(std::memory_order_relaxed);
        while (state >> 32 != generation &&
               !state_.compare_exchange_weak(
                   state, (std::uint64_t{generation} << 32) | (state & (shut_flag | empty_flag | finished_flag)),
                   std::memory_order_acq_rel)) {
        }
        return generation;
    }

    // The fork generation in the upper half.
    std::atomic<std::uint64_t> state_{std::uint64_t{fork_generation()} << 32};
};

} // namespace ferrule::detail
