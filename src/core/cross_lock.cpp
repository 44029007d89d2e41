#include <ferrule/cross_lock.hpp>

#include "platform/on_stop.hpp"
#include "platform/os.hpp"

#include <cassert>
#include <condition_variable>
#include <functional>
#include <new>
#include <thread>
#include <utility>

namespace ferrule {
namespace {

detail::lock_time now() noexcept
{
    return std::chrono::steady_clock::now();
}

class waiting_thread final : public detail::lock_waiter {
public:
    waiting_thread() noexcept : lock_waiter(nullptr) {}
    ~waiting_thread() = default;

    void wake() noexcept override
    {
        if (!std::exchange(woken, true)) // else a notification is pending
            changed.notify_one();
    }

    error_code stay(std::optional<detail::lock_time>) noexcept override { return {}; } // a thread asks by itself

    bool woken = false;
    std::condition_variable changed;
};

} // namespace

// Holds the mutex. During its lifetime the queue decides, not the fast paths.
class cross_lock::slow_section {
public:
    explicit slow_section(cross_lock& l) : lock_(l), guard_(l.mutex_, std::defer_lock)
    {
        l.recover_from_fork();
        l.inside_.fetch_add(1, std::memory_order_relaxed);
        guard_.lock();
        if ((l.state_.load(std::memory_order_relaxed) & contended_flag) == 0) {
            const auto before = l.state_.fetch_or(contended_flag, std::memory_order_acq_rel);
            l.queue_.set_held((before & held_flag) != 0);
        }
    }
    ~slow_section()
    {
        const auto state = lock_.state_.load(std::memory_order_relaxed);
        const auto kept = state & ~(held_flag | contended_flag);
        lock_.state_.store(kept | (lock_.queue_.held() ? held_flag : 0) | (lock_.queue_.empty() ? 0 : contended_flag),
                           std::memory_order_release);
        // From here on, another thread may take the lock without the mutex, release it, and destroy it.
        guard_.unlock();
        lock_.inside_.fetch_sub(1, std::memory_order_release);
    }
    slow_section(const slow_section&) = delete;
    slow_section& operator=(const slow_section&) = delete;

    template <class Predicate>
    void wait(std::condition_variable& c, const std::optional<detail::lock_time>& t, Predicate p)
    {
        publish();
        if (t)
            c.wait_until(guard_, *t, p);
        else
            c.wait(guard_, p);
        // The state is still contended. The waiter is queued, or a holder has just unlinked it and granted the lock.
    }

private:
    void publish() const noexcept
    {
        const auto state = lock_.state_.load(std::memory_order_relaxed);
        lock_.state_.store((state & ~held_flag) | (lock_.queue_.held() ? held_flag : 0), std::memory_order_release);
    }

    cross_lock& lock_;
    std::unique_lock<std::mutex> guard_;
};

cross_lock::cross_lock() noexcept : state_(generation()) {}

cross_lock::~cross_lock()
{
    if ((state_.load(std::memory_order_relaxed) >> 8) != detail::fork_generation())
        return; // the threads inside do not exist in this process
    while (inside_.load(std::memory_order_acquire) != 0)
        std::this_thread::yield();
    assert(queue_.empty());
}

void cross_lock::recover_from_fork() noexcept
{
    const auto fresh = generation();
    auto state = state_.load(std::memory_order_acquire);
    while ((state & ~std::uint64_t{0xff}) != fresh) {
        // A thread that does not exist here may have been changing what the lock guards, or the lock itself.
        if (state_.compare_exchange_weak(state, fresh | recovering_flag, std::memory_order_acquire)) {
            new (&mutex_) std::mutex;
            queue_.abandon();
            inside_.store(0, std::memory_order_relaxed);
            if ((state & (held_flag | contended_flag)) != 0 && !refused_)
                refused_ = errc::forked;
            async_holder_.store(false, std::memory_order_relaxed);
            state_.store(fresh | (refused_ ? refused_flag : 0), std::memory_order_release);
            return;
        }
    }
    while ((state & recovering_flag) != 0) {
        std::this_thread::yield();
        state = state_.load(std::memory_order_acquire);
    }
}

bool cross_lock::try_lock_slow() noexcept
{
    const auto state = state_.load(std::memory_order_relaxed);
    if (state == (generation() | held_flag))
        return false; // held without waiters, so there is nothing to decide
    slow_section section(*this);
    return !refused_ && queue_.try_take(now());
}

error_code cross_lock::acquire_slow(const until& timeout)
{
    waiting_thread me;
    std::optional<os::on_stop<std::function<void()>>> on_stop;
    if (timeout.stop().stop_possible()) {
        on_stop.emplace(timeout.stop(), [this, &me] {
            const std::lock_guard guard(mutex_);
            me.wake();
        });
    }
    // The callback takes the mutex, and its removal waits for it. So the section must end first.
    slow_section section(*this);
    if (refused_)
        return refused_;
    if (queue_.try_take(now()))
        return {};
    if (timeout.stop().stop_requested())
        return errc::cancelled;
    if (timeout.deadline().expired())
        return errc::lock_timed_out;
    // With a deadline the wait ends, and it ends in the same way however many threads there are.
    if (timeout.deadline().is_never() && async_holder_.load(std::memory_order_relaxed) && os::single_threaded())
        return errc::would_deadlock;
    queue_.push(me, now());
    for (;;) {
        auto wake_at = detail::lock_queue::ask_again_at(me);
        if (!timeout.deadline().is_never() && (!wake_at || timeout.deadline().at() < *wake_at))
            wake_at = timeout.deadline().at();
        section.wait(me.changed, wake_at, [&] { return me.woken; });
        me.woken = false;
        error_code ec;
        if (refused_)
            ec = refused_;
        else if (timeout.stop().stop_requested())
            ec = errc::cancelled;
        else if (timeout.deadline().expired())
            ec = errc::lock_timed_out;
        if (!ec && queue_.claim(me, now()))
            return {};
        if (ec) {
            if (queue_.withdraw(me, now())) {
                if (!refused_)
                    return {}; // the lock was granted just before, so the call succeeds
                queue_.release(now());
            }
            return ec;
        }
    }
}

void cross_lock::unlock_slow() noexcept
{
    slow_section section(*this);
    if (queue_.held())
        queue_.release(now());
}

bool cross_lock::enqueue(detail::lock_waiter& w, error_code& refused) noexcept
{
    slow_section section(*this);
    refused = refused_;
    if (refused_)
        return false;
    if (queue_.try_take(now()))
        return true;
    queue_.push(w, now());
    refused = stay(w);
    return false;
}

bool cross_lock::claim(detail::lock_waiter& w, error_code& refused) noexcept
{
    slow_section section(*this);
    refused = refused_;
    if (refused_) {
        if (queue_.withdraw(w, now()))
            queue_.release(now());
        return false;
    }
    if (queue_.claim(w, now()))
        return true;
    refused = stay(w);
    return false;
}

error_code cross_lock::stay(detail::lock_waiter& w) noexcept
{
    const error_code ec = w.stay(detail::lock_queue::ask_again_at(w));
    if (ec && queue_.withdraw(w, now()))
        queue_.release(now());
    return ec;
}

bool cross_lock::withdraw(detail::lock_waiter& w) noexcept
{
    slow_section section(*this);
    return queue_.withdraw(w, now());
}

void cross_lock::poke(detail::lock_waiter& w) noexcept
{
    slow_section section(*this);
    if (w.waiting())
        w.wake();
}

void cross_lock::shut() noexcept
{
    slow_section section(*this);
    if (!refused_)
        refused_ = errc::closed;
    state_.fetch_or(refused_flag, std::memory_order_relaxed);
    queue_.wake_all();
}

} // namespace ferrule
