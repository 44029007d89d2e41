// Who gets a lock next: the queue of `cross_lock`, without mutex, clock or threads, so that every schedule can be tested.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace ferrule::detail {

using lock_time = std::chrono::steady_clock::time_point;

class lock_waiter;

/// The waiters of one execution context, or all threads, in order. It lives in one of its waiters, so that nothing is
/// allocated.
class lock_group {
private:
    friend class lock_queue;
    friend class lock_queue_inspector; // in the tests

    const void* context_ = nullptr;
    lock_group* next_ = nullptr;
    lock_waiter* first_ = nullptr;
    lock_waiter* last_ = nullptr;
    lock_waiter* up_ = nullptr;           // the first that is not late; all before it are
    lock_waiter* probe_ = nullptr;        // while absent: the next to be called, if it is on another strand
    lock_waiter* clock_ = nullptr;        // will ask at its `asks_at_`, whatever becomes of the others
    std::chrono::nanoseconds latency_{0}; // from a call until the waiter came, of late
    bool absent_ = false;                 // let an offer expire, and nobody has come since
};

/// One waiting thread or asynchronous operation; linked while it waits.
class lock_waiter {
public:
    /// `context` is what has to run for this waiter to go on; null for a thread, which always runs.
    explicit lock_waiter(const void* context) noexcept : context_(context) {}
    lock_waiter(const lock_waiter&) = delete;
    lock_waiter& operator=(const lock_waiter&) = delete;

    /// Asks the waiter to call `lock_queue::claim` soon, from where it runs. Called inside the queue's functions, also
    /// while an earlier call is on its way, which then serves both. Must not call back into the queue.
    virtual void wake() noexcept = 0;
    /// It goes on waiting, and should ask again at that time even if nobody wakes it. An error: it cannot wait.
    virtual error_code stay(std::optional<lock_time> ask_again_at) noexcept = 0;
    /// Whether this waiter, of the same context as `other`, runs whenever that one does. Two strands do not.
    [[nodiscard]] virtual bool runs_with(const lock_waiter& /*other*/) const noexcept { return true; }

    [[nodiscard]] bool waiting() const noexcept { return waiting_; }

protected:
    ~lock_waiter() = default;

private:
    friend class lock_queue;
    friend class lock_queue_inspector; // in the tests

    const void* context_;
    lock_group group_; // used by one waiter of each group
    lock_waiter* next_ = nullptr;
    lock_waiter* previous_ = nullptr;
    std::uint64_t place_ = 0;
    lock_time since_{};
    lock_time called_{};    // asynchronous: when it was woken, until it comes
    lock_time overtaken_{}; // thread: when it was last woken in vain
    lock_time asks_at_{};   // while it is its group's clock
    bool waiting_ = false;  // linked
    bool granted_ = false;  // owns the lock already (threads)
    bool late_ = false;     // let an offer expire and has not come since
};

/// The rules, for callers that serialise the calls themselves and pass the time:
///
/// * First come, first served, except that a running caller may overtake (`try_take`) as long as no waiter has waited
///   longer than `patience`. This avoids lock convoys: a hand-over to a sleeper costs a wake-up.
/// * A waiting thread that was woken and overtaken all the same is left to sleep for `rest`, then asks again by itself:
///   waking it at every release would cost more than all the rest. One that has lost patience is handed the lock.
/// * An asynchronous waiter is made an *offer*, since nobody knows when its context runs: until the offer expires the
///   lock is kept for it, idle; `claim` accepts it. An offer lasts `grace`, or twice as long as the context needed to
///   come before, `longest_offer` at most.
/// * A context that let an offer expire is absent, with all its waiters: the lock is not kept for them, whatever their
///   number, until one comes. The one that did not come keeps its place. Those on other strands are called meanwhile, one
///   whenever the lock is released.
/// * A context that needs longer than `prompt` to come is slow. The lock stands idle for slow contexts a third of the
///   time at most: an offer that took d is followed by 2 d without. Meanwhile their waiters are called all the same, and
///   get the lock if they find it free; nothing else waits for them, and unknown contexts get offers of `prompt`.
/// * While an offer lasts, the other contexts (or a thread) have set a timer, to ask when it has expired.
///
/// So the first waiter of a slow context with turns of at most t (1 s) gets a lock that others take as fast as they can,
/// each for at most h, within 7 t + 10 h + 60 ms. Slow contexts that compete add as much each.
///
/// Every function takes time proportional to the number of contexts that wait, whatever the number of waiters.
class FERRULE_EXPORT lock_queue {
public:
    static constexpr std::chrono::microseconds patience{500};
    static constexpr std::chrono::microseconds rest{100};
    static constexpr std::chrono::milliseconds grace{10};
    static constexpr std::chrono::microseconds prompt{500};
    static constexpr std::chrono::milliseconds longest_offer{1000};

    [[nodiscard]] bool held() const noexcept { return held_; }
    [[nodiscard]] bool empty() const noexcept { return threads_.first_ == nullptr && threads_.next_ == nullptr; }
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
    /// When `w` should ask again though nobody woke it.
    [[nodiscard]] static std::optional<lock_time> ask_again_at(const lock_waiter& w) noexcept;
    /// Wakes everybody, to go away.
    void wake_all() noexcept;
    /// Forgets all waiters without touching them (they belong to the process that forked this one).
    void abandon() noexcept { *this = lock_queue(); }

private:
    friend class lock_queue_inspector; // in the tests

    [[nodiscard]] lock_group* find(const void* context) noexcept;
    void unlink(lock_waiter& w) noexcept;
    static void skip_late(lock_group& g) noexcept;
    /// Whether an offer may be made to the group's next waiter.
    [[nodiscard]] bool deserves(const lock_group& g, lock_time now) const noexcept;
    /// The first to whom the lock may be given or offered.
    [[nodiscard]] lock_waiter* first(lock_time now) const noexcept;
    void came(lock_group& g, lock_waiter& w, lock_time now) noexcept;
    static void call(lock_waiter& w, lock_time now) noexcept;
    /// Calls those for whom the lock is not kept.
    void invite(lock_group& g, lock_time now) noexcept;
    /// The lock is free: sees to it that it reaches the first waiter.
    void settle(lock_time now) noexcept;
    void offer(lock_waiter& w, lock_time now) noexcept;
    void end_offer(lock_time now) noexcept;
    void expire_offer(lock_time now) noexcept;
    /// Sees to it that somebody comes when the offer has expired.
    void watch_offer(lock_time now) noexcept;
    void set_clock(lock_group& g, lock_time now) noexcept;

    lock_group threads_; // then those of the contexts that wait
    lock_waiter* offered_ = nullptr;
    lock_time offer_began_{};
    lock_time offer_ends_{};
    lock_time thrifty_until_{}; // no offers to slow contexts
    std::uint64_t places_ = 0;
    bool held_ = false;
};

} // namespace ferrule::detail
