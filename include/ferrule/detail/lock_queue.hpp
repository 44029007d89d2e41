// Who gets a lock next: the queue of `cross_lock`, without mutex, clock or threads, so that every schedule can be tested.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <chrono>
#include <optional>

namespace ferrule::detail {

using lock_time = std::chrono::steady_clock::time_point;

/// One waiting thread or asynchronous operation; linked while it waits.
class lock_waiter {
public:
    /// `context` is what has to run for this waiter to go on; null for a thread, which always runs.
    explicit lock_waiter(const void* context) noexcept : context_(context) {}
    lock_waiter(const lock_waiter&) = delete;
    lock_waiter& operator=(const lock_waiter&) = delete;

    /// Asks the waiter to call `lock_queue::claim` soon, from where it runs. Called inside the queue's functions; must
    /// not call back into the queue.
    virtual void wake() noexcept = 0;
    /// It goes on waiting, and should ask again at that time even if nobody wakes it. An error: it cannot wait.
    virtual error_code stay(std::optional<lock_time> ask_again_at) noexcept = 0;

    [[nodiscard]] bool waiting() const noexcept { return waiting_; }

protected:
    ~lock_waiter() = default;

private:
    friend class lock_queue;
    friend class lock_queue_inspector; // in the tests

    const void* context_;
    lock_waiter* next_ = nullptr;
    lock_waiter* previous_ = nullptr;
    lock_time since_{};
    lock_time overtaken_{}; // when it was last woken in vain
    bool waiting_ = false;  // linked
    bool granted_ = false;  // owns the lock already (threads)
    bool slow_ = false;     // let an offer expire and has not run since
};

/// The rules, for callers that serialise the calls themselves and pass the time:
///
/// * First come, first served, except that a running caller may overtake (`try_take`) as long as no waiter has waited
///   longer than `patience`. This avoids lock convoys: a hand-over to a sleeper costs a wake-up.
/// * A waiting thread that was woken and overtaken all the same is left to sleep for `rest`, then asks again by itself:
///   waking it at every release would cost more than all the rest.
/// * A thread that has lost patience is handed the lock. An asynchronous waiter is made an *offer*, since nobody knows
///   when its context runs; `claim` accepts it. Once `grace` has passed, the first waiter of another context (or any
///   caller that comes by) may take the lock instead. The one that did not come keeps its place, and gets no further
///   reserved offer until it has run.
class FERRULE_EXPORT lock_queue {
public:
    static constexpr std::chrono::microseconds patience{500};
    static constexpr std::chrono::milliseconds grace{10};
    static constexpr std::chrono::microseconds rest{100};

    [[nodiscard]] bool held() const noexcept { return held_; }
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    void set_held(bool held) noexcept { held_ = held; }

    /// A running caller wants the lock now. False: it must wait (`push`) or go away.
    [[nodiscard]] bool try_take(lock_time now) noexcept;
    /// Queues a waiter after `try_take` has failed.
    void push(lock_waiter& w, lock_time now) noexcept;
    /// A woken waiter asks for the lock. True: it holds the lock and is no longer queued.
    [[nodiscard]] bool claim(lock_waiter& w, lock_time now) noexcept;
    /// A waiter goes away. True: it had been given the lock in the meantime and holds it.
    [[nodiscard]] bool withdraw(lock_waiter& w, lock_time now) noexcept;
    /// The holder is done.
    void release(lock_time now) noexcept;
    /// When `w` should ask again though nobody woke it: the end of another's offer that `w` is to watch.
    [[nodiscard]] std::optional<lock_time> ask_again_at(const lock_waiter& w) const noexcept;
    /// Wakes everybody, to go away.
    void wake_all() noexcept;
    /// Forgets all waiters without touching them (they belong to the process that forked this one).
    void abandon() noexcept { *this = lock_queue(); }

private:
    friend class lock_queue_inspector; // in the tests

    void unlink(lock_waiter& w) noexcept;
    [[nodiscard]] lock_waiter* first_awake() const noexcept;
    [[nodiscard]] lock_waiter* watcher() const noexcept;
    /// The lock is free: sees to it that it reaches the first waiter.
    void settle(lock_time now) noexcept;
    void expire_offer(lock_time now) noexcept;

    lock_waiter* first_ = nullptr;
    lock_waiter* last_ = nullptr;
    lock_waiter* offered_ = nullptr; // asynchronous waiter that was told that the lock is free
    lock_time offer_ends_{};
    bool held_ = false;
};

} // namespace ferrule::detail
