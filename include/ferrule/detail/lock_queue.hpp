// The queue of `cross_lock`, a pure policy without mutex, clock or threads, so that tests can run every schedule.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace ferrule::detail {

using lock_time = std::chrono::steady_clock::time_point;

class lock_waiter;

/// The waiters of one execution context, or all threads, in order. The group is a member of one of its waiters, so
/// nothing is allocated.
class lock_group {
private:
    friend class lock_queue;
    friend class lock_queue_inspector; // in the tests

    const void* context_ = nullptr;
    lock_group* next_ = nullptr;
    lock_waiter* first_ = nullptr;
    lock_waiter* last_ = nullptr;
    lock_waiter* up_ = nullptr;           // the first that is not late; all before it are late
    lock_waiter* probe_ = nullptr;        // while absent: the next to be called, if it is on another strand
    lock_waiter* clock_ = nullptr;        // asks at its `asks_at_`, whatever the others do
    std::chrono::nanoseconds latency_{0}; // recent time from a call until the waiter came
    bool absent_ = false;                 // an offer expired, and no waiter has come since
};

/// One waiting thread or asynchronous operation; linked while it waits.
class lock_waiter {
public:
    /// `context` must run for this waiter to continue; null for a thread, which always runs.
    explicit lock_waiter(const void* context) noexcept : context_(context) {}
    lock_waiter(const lock_waiter&) = delete;
    lock_waiter& operator=(const lock_waiter&) = delete;

    /// Asks the waiter to call `lock_queue::claim` soon, from where it runs. Called inside the queue's functions,
    /// possibly while an earlier call is pending; one claim then serves both. Must not call back into the queue.
    virtual void wake() noexcept = 0;
    /// Tells the waiter that it continues to wait, and should claim again at that time even if it is not woken. Returns
    /// an error if it cannot wait.
    virtual error_code stay(std::optional<lock_time> ask_again_at) noexcept = 0;
    /// Whether this waiter, of the same context as `other`, runs whenever `other` does. Two strands do not.
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
    bool late_ = false;     // an offer to it expired and it has not come since
};

/// The rules of the lock. The caller serialises the calls and passes the time.
///
/// * Waiters are served first come, first served. A running caller may overtake them (`try_take`) while no waiter has
///   waited longer than `max_overtaking`. This avoids lock convoys, since a handover to a sleeper costs a wake-up.
/// * A thread that was woken but overtaken sleeps for `rest`, then asks again by itself. Waking it at every release
///   would cost more than everything else. A thread that has waited longer than `max_overtaking` is given the lock.
/// * An asynchronous waiter gets an *offer*, since its context may run at any time. Until the offer expires, the lock
///   stays idle for it; `claim` accepts the offer. An offer lasts `grace`, or twice the time that the context needed
///   before, up to `max_offer`.
/// * A context that let an offer expire is absent, with all its waiters. The lock is not kept for them until one comes.
///   The waiter that did not come keeps its place. Waiters on other strands are called meanwhile, one at each release.
/// * A context that needs longer than `prompt` to come is slow. The lock stands idle for slow contexts at most a third
///   of the time, because an offer that took d is followed by 2 d without offers. Meanwhile their waiters are still
///   called, and get the lock if they find it free. Nothing else waits for them, and unknown contexts get offers of
///   `prompt`.
/// * While an offer lasts, the other contexts (or a thread) hold a timer to ask when it has expired.
///
/// Latency is bounded. Let the turns of a slow context last at most t (1 s). Let others take the lock as fast as they
/// can, each for at most h. The context's first waiter then gets the lock within 7 t + 10 h + 60 ms. Each competing
/// slow context adds the same amount.
///
/// Every function takes time linear in the number of waiting contexts, independent of the number of waiters.
class FERRULE_EXPORT lock_queue {
public:
    static constexpr std::chrono::microseconds max_overtaking{500};
    static constexpr std::chrono::microseconds rest{100};
    static constexpr std::chrono::milliseconds grace{10};
    static constexpr std::chrono::microseconds prompt{500};
    static constexpr std::chrono::milliseconds max_offer{1000};

    [[nodiscard]] bool held() const noexcept { return held_; }
    [[nodiscard]] bool empty() const noexcept { return threads_.first_ == nullptr && threads_.next_ == nullptr; }
    void set_held(bool held) noexcept { held_ = held; }

    /// A running caller tries to take the lock. False: it must wait (`push`) or give up.
    [[nodiscard]] bool try_take(lock_time now) noexcept;
    /// Queues a waiter after `try_take` has failed.
    void push(lock_waiter& w, lock_time now) noexcept;
    /// A woken waiter asks for the lock. True: it holds the lock and is no longer queued.
    [[nodiscard]] bool claim(lock_waiter& w, lock_time now) noexcept;
    /// A waiter gives up. True: it had been given the lock in the meantime and holds it.
    [[nodiscard]] bool withdraw(lock_waiter& w, lock_time now) noexcept;
    /// The holder releases the lock.
    void release(lock_time now) noexcept;
    /// When `w` should ask again even if it is not woken.
    [[nodiscard]] static std::optional<lock_time> ask_again_at(const lock_waiter& w) noexcept;
    /// Wakes all waiters, so that they give up.
    void wake_all() noexcept;
    /// Drops all waiters without touching them, since they belong to the parent of a forked process.
    void abandon() noexcept { *this = lock_queue(); }

private:
    friend class lock_queue_inspector; // in the tests

    [[nodiscard]] lock_group* find(const void* context) noexcept;
    void unlink(lock_waiter& w) noexcept;
    static void skip_late(lock_group& g) noexcept;
    /// Whether an offer may be made to the group's next waiter.
    [[nodiscard]] bool deserves(const lock_group& g, lock_time now) const noexcept;
    /// The first waiter that the lock may be given or offered to.
    [[nodiscard]] lock_waiter* first(lock_time now) const noexcept;
    void came(lock_group& g, lock_waiter& w, lock_time now) noexcept;
    static void call(lock_waiter& w, lock_time now) noexcept;
    /// Calls the waiters for which the lock is not kept.
    void invite(lock_group& g, lock_time now) noexcept;
    /// Passes the free lock on to the first waiter.
    void settle(lock_time now) noexcept;
    void offer(lock_waiter& w, lock_time now) noexcept;
    void end_offer(lock_time now) noexcept;
    void expire_offer(lock_time now) noexcept;
    /// Makes sure that a waiter asks when the offer has expired.
    void watch_offer(lock_time now) noexcept;
    void set_clock(lock_group& g, lock_time now) noexcept;

    lock_group threads_; // followed by the groups of the waiting contexts
    lock_waiter* offered_ = nullptr;
    lock_time offer_began_{};
    lock_time offer_ends_{};
    lock_time thrifty_until_{}; // no offers to slow contexts until then
    std::uint64_t places_ = 0;
    bool held_ = false;
};

} // namespace ferrule::detail
