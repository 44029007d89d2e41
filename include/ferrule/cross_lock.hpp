// A lock for threads and coroutines.
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

/// A mutual exclusion lock for threads (`lock`) and for coroutines or callbacks on any execution context
/// (`async_lock`). All wait in one queue.
///
/// * Waiters are served first come, first served. A running caller may overtake sleeping waiters, but each waiter only
///   during its first 0.5 ms.
/// * An asynchronous waiter gets the lock when its context runs. The lock is usually reserved for it for 10 ms. If the
///   context does not run by then, all its waiters are passed over until it does. They keep their places.
/// * Contexts that take longer than 0.5 ms leave the lock idle for at most a third of the time.
/// * Latency is bounded. Let the turns of a context last at most t (up to 1 s). Let others take the lock all the time,
///   each for at most h. The first waiter of the context then gets the lock within 7 t + 10 h + 60 ms. Each competing
///   slow context adds the same amount.
/// * The cost of a handover does not depend on the number of waiters. It is linear in the number of contexts that wait.
/// * Ownership is not tied to a thread, so any thread may unlock. The lock is not recursive.
/// * `unlock` never runs a waiter; it only makes one runnable.
/// * The class models Lockable and TimedLockable, so `std::unique_lock` and `std::scoped_lock` work.
/// * After `fork`, the child's copy of an idle lock works. The copy of a held lock reports `errc::forked` for ever.
///   Nothing the child does affects the parent.
///
/// Prefer `std::mutex` where only threads take part and never wait for I/O. Destroy the lock only when it is not held
/// and has no waiter. A call of `unlock` in another thread may still be about to return then, as with `std::mutex`.
///
/// Thread safety: any thread may call any member at any time.
class FERRULE_EXPORT cross_lock {
public:
    cross_lock() noexcept;
    cross_lock(const cross_lock&) = delete;
    cross_lock& operator=(const cross_lock&) = delete;
    ~cross_lock();

    /// Takes the lock if that is possible immediately. Never waits.
    [[nodiscard]] bool try_lock() noexcept
    {
        std::uint64_t idle = generation();
        return state_.compare_exchange_strong(idle, idle | held_flag, std::memory_order_acquire,
                                              std::memory_order_relaxed) ||
               try_lock_slow();
    }

    /// Blocks until the lock is taken. Throws `error` with `errc::forked` or `errc::would_deadlock`.
    void lock()
    {
        if (const error_code ec = acquire({}))
            throw_error(ec);
    }

    /// Blocks until the lock is taken (true) or the time is up (false). Throws as `lock` does.
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

    /// Blocks until the lock is taken, or fails without taking it.
    /// Returns: no error if the lock is taken, else `errc::lock_timed_out`, `errc::cancelled` (stop token),
    /// `errc::forked` or `errc::would_deadlock`. The last means that the wait would never end: there is no deadline, the
    /// holder is asynchronous, and the process has no other thread that could run it.
    [[nodiscard]] error_code acquire(const until& timeout) { return try_lock() ? error_code() : acquire_slow(timeout); }

    /// Releases the lock, which must be held.
    void unlock() noexcept
    {
        if (async_holder_.load(std::memory_order_relaxed))
            async_holder_.store(false, std::memory_order_relaxed);
        std::uint64_t mine = generation() | held_flag;
        if (!state_.compare_exchange_strong(mine, mine & ~held_flag, std::memory_order_release,
                                            std::memory_order_relaxed))
            unlock_slow();
    }

    /// Whether the lock is held. The answer may be out of date on return.
    [[nodiscard]] bool locked() const noexcept { return (state_.load(std::memory_order_relaxed) & held_flag) != 0; }

    /// `async_lock([timeout] [, token])` waits asynchronously and completes with `void(error_code)`. Success means that
    /// the lock is held. The handler runs on the executor associated with the token, never inside this call. Without a
    /// token, the result is an awaitable that throws. The lock must outlive the operation. A handler that is destroyed
    /// unrun because its context ends passes the lock on. Defined in <ferrule/asio.hpp>.
    /// Cancellation: all types, and the stop token, give up the place in the queue. The result is `errc::cancelled`,
    /// and the lock is not held.
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_lock(TimeoutAndToken&&... timeout_and_token);

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
    [[nodiscard]] error_code acquire_slow(const until& timeout);
    void unlock_slow() noexcept;

    // For asynchronous operations. True if the lock is taken. Else the waiter is queued, or `refused` says why not.
    [[nodiscard]] bool enqueue(detail::lock_waiter& w, error_code& refused) noexcept;
    [[nodiscard]] bool claim(detail::lock_waiter& w, error_code& refused) noexcept;
    [[nodiscard]] bool withdraw(detail::lock_waiter& w) noexcept;
    /// Called under the mutex. Lets a queued waiter rest, or takes it off the queue.
    [[nodiscard]] error_code stay(detail::lock_waiter& w) noexcept;
    void poke(detail::lock_waiter& w) noexcept;
    void set_async_holder() noexcept { async_holder_.store(true, std::memory_order_relaxed); }

    /// Gives all present and future waiters `errc::closed`; the holder is unaffected.
    void shut() noexcept;

    class slow_section;
    void recover_from_fork() noexcept;

    // The fork generation in the upper bits, the flags in the lower. While `contended_flag` is set, only the holder of
    // the mutex changes it.
    std::atomic<std::uint64_t> state_;
    std::atomic<bool> async_holder_{false};
    std::atomic<std::uint32_t> inside_{0}; // slow sections; the destructor waits for those about to end
    std::mutex mutex_;                     // guards all below
    detail::lock_queue queue_;
    error_code refused_;
};

} // namespace ferrule
