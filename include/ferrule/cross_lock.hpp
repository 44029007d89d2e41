// One lock for threads and coroutines.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/detail/fork_generation.hpp>
#include <ferrule/detail/lock_queue.hpp>
#include <ferrule/detail/token.hpp>
#include <ferrule/error.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace ferrule {

namespace detail {
class async_operation;
class channel;
} // namespace detail

/// A mutual exclusion lock that threads (`lock`) and coroutines or callbacks on any execution context (`async_lock`)
/// wait for in one queue.
///
/// * Order: first come, first served; a running caller may overtake sleeping waiters, but each waiter only during its
///   first half millisecond.
/// * An asynchronous waiter gets the lock when its context runs. The lock is kept for it meanwhile, for 10 ms as a rule.
///   If the context does not run by then, all its waiters are passed over until it does, and keep their places.
/// * The lock stands idle for contexts that take longer than 0.5 ms a third of the time at most. All the same, the first
///   waiter of a context with turns of at most t (up to 1 s) gets a lock that others take all the time, each for at most
///   h, within 7 t + 10 h + 60 ms. Slow contexts that compete add as much each.
/// * Handing over takes as long with many waiters as with few; it is linear in the number of contexts that wait.
/// * Ownership is not tied to a thread: any thread may unlock. Not recursive.
/// * `unlock` never runs a waiter; it only makes one runnable.
/// * Models Lockable and TimedLockable, so `std::unique_lock` and `std::scoped_lock` work.
/// * After `fork`, the child's copy of a lock that was idle works; one that was held answers `errc::forked` for good.
///   Nothing the child does is seen by the parent.
///
/// Prefer `std::mutex` where only threads take part and never wait for I/O. All members may be called by any thread at
/// any time. Destroy it when nobody holds it or waits for it; as with `std::mutex`, a call of `unlock` by somebody else
/// may still be about to return then.
class FERRULE_EXPORT cross_lock {
public:
    cross_lock() noexcept;
    cross_lock(const cross_lock&) = delete;
    cross_lock& operator=(const cross_lock&) = delete;
    ~cross_lock();

    /// Takes the lock if that is possible now. Does not wait.
    [[nodiscard]] bool try_lock() noexcept
    {
        std::uint64_t idle = generation();
        return state_.compare_exchange_strong(idle, idle | held_flag, std::memory_order_acquire,
                                              std::memory_order_relaxed) ||
               try_lock_slow();
    }

    /// Blocks until the lock is taken. Throws `error` for `errc::forked` and `errc::would_deadlock`.
    void lock()
    {
        if (const error_code ec = acquire({}))
            throw_error(ec);
    }

    /// Blocks until the lock is taken (true) or the time is over (false). Throws as `lock` does.
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d)
    {
        return taken_or_late(acquire(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t)
    {
        return taken_or_late(acquire(t));
    }

    /// Blocks until the lock is taken. Otherwise, the lock is not taken and the result says why: `errc::lock_timed_out`,
    /// `errc::cancelled` (stop token), `errc::forked`, or `errc::would_deadlock` (the holder is asynchronous and the
    /// process has no other thread that could run it).
    [[nodiscard]] error_code acquire(const until& limit) { return try_lock() ? error_code() : acquire_slow(limit); }

    /// Releases the lock; whoever took it must have done so successfully.
    void unlock() noexcept
    {
        if (async_holder_.load(std::memory_order_relaxed))
            async_holder_.store(false, std::memory_order_relaxed);
        std::uint64_t mine = generation() | held_flag;
        if (!state_.compare_exchange_strong(mine, mine & ~held_flag, std::memory_order_release,
                                            std::memory_order_relaxed))
            unlock_slow();
    }

    /// Whether somebody holds the lock; out of date as soon as it is known.
    [[nodiscard]] bool locked() const noexcept { return (state_.load(std::memory_order_relaxed) & held_flag) != 0; }

    /// `async_lock([limit] [, token])` waits asynchronously; completes with `void(error_code)` on the executor associated with the token, never inside
    /// this call. Without a token, the result is an awaitable that throws. Success means that the lock is held.
    /// Cancellation (all types) and the stop token give up the place in the queue: `errc::cancelled`, nothing is held.
    /// A handler that is destroyed unrun because its context ends passes the lock on. The lock must outlive the
    /// operation. Defined in <ferrule/asio.hpp>.
    template <detail::limit_or_token... LimitAndToken>
    auto async_lock(LimitAndToken&&... limit_and_token);

private:
    friend class detail::async_operation;
    friend class detail::channel;

    static constexpr std::uint64_t held_flag = 1;
    static constexpr std::uint64_t contended_flag = 2; // the queue decides; the fast paths fail
    static constexpr std::uint64_t refused_flag = 4;   // shut or forked; the fast paths fail
    static constexpr std::uint64_t recovering_flag = 8;

    static std::uint64_t generation() noexcept { return std::uint64_t{detail::fork_generation()} << 8; }
    static bool taken_or_late(error_code ec)
    {
        if (ec && ec != condition::timeout)
            throw_error(ec);
        return !ec;
    }

    [[nodiscard]] bool try_lock_slow() noexcept;
    [[nodiscard]] error_code acquire_slow(const until& limit);
    void unlock_slow() noexcept;

    // For asynchronous operations. True: the lock is taken. Else `refused` says why the waiter is not queued, or it is.
    [[nodiscard]] bool enqueue(detail::lock_waiter& w, error_code& refused) noexcept;
    [[nodiscard]] bool claim(detail::lock_waiter& w, error_code& refused) noexcept;
    [[nodiscard]] bool withdraw(detail::lock_waiter& w) noexcept;
    /// Under the mutex: lets a queued waiter rest, or takes it off the queue.
    [[nodiscard]] error_code stay(detail::lock_waiter& w) noexcept;
    void poke(detail::lock_waiter& w) noexcept;
    void set_async_holder() noexcept { async_holder_.store(true, std::memory_order_relaxed); }

    /// All waiters, now and later, get `errc::closed`; the holder goes on.
    void shut() noexcept;

    class slow_section;
    void recover_from_fork() noexcept;

    // The generation of the process in the upper bits; the flags in the lower. While `contended_flag` is set, only
    // whoever holds the mutex changes it.
    std::atomic<std::uint64_t> state_;
    std::atomic<bool> async_holder_{false};
    std::atomic<std::uint32_t> inside_{0}; // slow sections; the destructor waits for those that are about to end
    std::mutex mutex_;                     // guards all below
    detail::lock_queue queue_;
    error_code refused_;
};

} // namespace ferrule
