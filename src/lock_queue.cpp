#include <ferrule/detail/lock_queue.hpp>

#include <utility>

namespace ferrule::detail {

void lock_queue::unlink(lock_waiter& w) noexcept
{
    (w.previous_ != nullptr ? w.previous_->next_ : first_) = w.next_;
    (w.next_ != nullptr ? w.next_->previous_ : last_) = w.previous_;
    w.next_ = w.previous_ = nullptr;
    w.waiting_ = false;
    w.slow_ = false;
    if (offered_ == &w)
        offered_ = nullptr;
}

lock_waiter* lock_queue::first_awake() const noexcept
{
    lock_waiter* w = first_;
    while (w != nullptr && w->slow_)
        w = w->next_;
    return w;
}

lock_waiter* lock_queue::watcher() const noexcept
{
    if (offered_ == nullptr)
        return nullptr;
    lock_waiter* w = first_;
    // A waiter of the same context is as stuck as the one that it would watch.
    while (w != nullptr && (w->slow_ || w->context_ == offered_->context_))
        w = w->next_;
    return w;
}

void lock_queue::expire_offer(lock_time now) noexcept
{
    if (offered_ != nullptr && now >= offer_ends_) {
        offered_->slow_ = true;
        offered_ = nullptr;
    }
}

bool lock_queue::try_take(lock_time now) noexcept
{
    if (held_)
        return false;
    expire_offer(now);
    if (lock_waiter* w = first_awake(); w != nullptr && now - w->since_ >= patience) {
        if (offered_ != w)
            settle(now);
        return false;
    }
    held_ = true;
    offered_ = nullptr;
    return true;
}

void lock_queue::push(lock_waiter& w, lock_time now) noexcept
{
    w.since_ = now;
    w.overtaken_ = {};
    w.waiting_ = true;
    w.granted_ = w.slow_ = false;
    w.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &w;
    last_ = &w;
}

bool lock_queue::claim(lock_waiter& w, lock_time now) noexcept
{
    if (w.granted_) {
        w.granted_ = false;
        return true;
    }
    w.slow_ = false;
    if (held_) {
        w.overtaken_ = now;
        return false;
    }
    if (offered_ != &w)
        expire_offer(now);
    // Whoever comes first in the queue, even if it was called in vain before and the lock has been offered to the next.
    if (first_awake() != &w) {
        // If the lock lies idle because an offer has expired, pass it on.
        if (offered_ == nullptr)
            settle(now);
        return false;
    }
    unlink(w);
    held_ = true;
    return true;
}

bool lock_queue::withdraw(lock_waiter& w, lock_time now) noexcept
{
    if (std::exchange(w.granted_, false))
        return true;
    if (!w.waiting_)
        return false;
    const bool watched = watcher() == &w;
    unlink(w);
    if (held_)
        return false;
    if (offered_ == nullptr)
        settle(now); // it may have been the one that was woken
    else if (watched) {
        if (lock_waiter* next = watcher(); next != nullptr)
            next->wake();
    }
    return false;
}

void lock_queue::release(lock_time now) noexcept
{
    held_ = false;
    settle(now);
}

void lock_queue::settle(lock_time now) noexcept
{
    lock_waiter* w = first_awake();
    if (w == nullptr) {
        // Only those that did not come when called: the lock is free to all, and each of them has a wake-up pending.
        return;
    }
    if (w->context_ == nullptr) {
        if (now - w->since_ >= patience) {
            unlink(*w);
            w->granted_ = true;
            held_ = true;
        } else if (now - w->overtaken_ < rest)
            return; // it has just been woken in vain, and asks again itself
        w->wake();
        return;
    }
    offered_ = w;
    offer_ends_ = now + grace;
    w->wake();
    if (lock_waiter* next = watcher(); next != nullptr)
        next->wake();
}

std::optional<lock_time> lock_queue::ask_again_at(const lock_waiter& w) const noexcept
{
    if (!held_ && watcher() == &w)
        return offer_ends_;
    if (w.context_ == nullptr && w.overtaken_ != lock_time())
        return w.overtaken_ + rest;
    return std::nullopt;
}

void lock_queue::wake_all() noexcept
{
    for (lock_waiter* w = first_; w != nullptr; w = w->next_)
        w->wake();
}

} // namespace ferrule::detail
