#include <ferrule/detail/lock_queue.hpp>

#include <algorithm>
#include <utility>

namespace ferrule::detail {

lock_group* lock_queue::find(const void* context) noexcept
{
    lock_group* g = &threads_;
    while (g != nullptr && g->context_ != context)
        g = g->next_;
    return g;
}

void lock_queue::skip_late(lock_group& g) noexcept
{
    while (g.up_ != nullptr && g.up_->late_)
        g.up_ = g.up_->next_;
}

void lock_queue::push(lock_waiter& w, lock_time now) noexcept
{
    w.place_ = ++places_;
    w.since_ = now;
    w.called_ = w.overtaken_ = w.asks_at_ = {};
    w.waiting_ = true;
    w.granted_ = w.late_ = false;
    lock_group* g = find(w.context_);
    if (g == nullptr) {
        g = &w.group_;
        *g = lock_group();
        g->context_ = w.context_;
        g->next_ = std::exchange(threads_.next_, g);
    }
    w.next_ = nullptr;
    w.previous_ = g->last_;
    (g->last_ != nullptr ? g->last_->next_ : g->first_) = &w;
    g->last_ = &w;
    if (g->up_ == nullptr)
        g->up_ = &w;
    if (g->probe_ == nullptr)
        g->probe_ = &w;
    if (offered_ != nullptr)
        watch_offer(now);
}

void lock_queue::unlink(lock_waiter& w) noexcept
{
    lock_group* const g = find(w.context_);
    if (g->up_ == &w) {
        g->up_ = w.next_;
        skip_late(*g);
    }
    if (g->probe_ == &w)
        g->probe_ = w.next_;
    (w.previous_ != nullptr ? w.previous_->next_ : g->first_) = w.next_;
    (w.next_ != nullptr ? w.next_->previous_ : g->last_) = w.previous_;
    w.waiting_ = false;
    if (std::exchange(w.late_, false))
        g->absent_ = false; // its coming would have ended the absence
    if (g->clock_ == &w)
        g->clock_ = nullptr;
    if (g != &w.group_ && g->first_ != nullptr)
        return;
    if (g == &threads_)
        return;
    lock_group* before = &threads_;
    while (before->next_ != g)
        before = before->next_;
    if (g->first_ != nullptr) {
        g->first_->group_ = *g;
        before->next_ = &g->first_->group_;
    } else
        before->next_ = g->next_;
}

bool lock_queue::deserves(const lock_group& g, lock_time now) const noexcept
{
    return g.up_ != nullptr && !g.absent_ && (g.latency_ <= prompt || now >= thrifty_until_);
}

lock_waiter* lock_queue::first(lock_time now) const noexcept
{
    lock_waiter* w = threads_.first_;
    for (const lock_group* g = threads_.next_; g != nullptr; g = g->next_) {
        if (deserves(*g, now) && (w == nullptr || g->up_->place_ < w->place_))
            w = g->up_;
    }
    return w;
}

void lock_queue::end_offer(lock_time now) noexcept
{
    if (std::exchange(offered_, nullptr) == nullptr)
        return;
    const lock_time end = std::min(now, offer_ends_);
    // Otherwise prompt contexts that come a little late would keep the slow ones out.
    if (end - offer_began_ > prompt && offer_began_ >= thrifty_until_)
        thrifty_until_ = end + 2 * (end - offer_began_);
}

void lock_queue::expire_offer(lock_time now) noexcept
{
    if (offered_ == nullptr || now < offer_ends_)
        return;
    offered_->late_ = true;
    lock_group& g = *find(offered_->context_);
    g.absent_ = true;
    g.probe_ = g.first_->next_;
    skip_late(g);
    end_offer(now);
}

bool lock_queue::try_take(lock_time now) noexcept
{
    if (held_)
        return false;
    expire_offer(now);
    for (const lock_waiter* w : {offered_, first(now)}) {
        if (w != nullptr && now - w->since_ >= max_overtaking) {
            if (offered_ == nullptr)
                settle(now);
            return false;
        }
    }
    end_offer(now);
    held_ = true;
    return true;
}

void lock_queue::came(lock_group& g, lock_waiter& w, lock_time now) noexcept
{
    if (w.called_ != lock_time()) {
        // One quick turn among slow ones does not make a context quick.
        g.latency_ = std::max(now - std::exchange(w.called_, {}), g.latency_ / 2);
    }
    g.absent_ = false;
    if (std::exchange(w.late_, false) && (g.up_ == nullptr || w.place_ < g.up_->place_))
        g.up_ = &w;
    if (g.clock_ == &w && w.asks_at_ <= now)
        g.clock_ = nullptr;
    if (g.clock_ != &w)
        w.asks_at_ = {};
}

bool lock_queue::claim(lock_waiter& w, lock_time now) noexcept
{
    if (std::exchange(w.granted_, false))
        return true;
    if (offered_ != &w)
        expire_offer(now);
    lock_group& g = *find(w.context_);
    came(g, w, now);
    if (held_) {
        if (w.context_ == nullptr) {
            if (w.overtaken_ == lock_time())
                w.overtaken_ = now;
            else if (now - w.overtaken_ >= rest)
                w.overtaken_ = {}; // it has asked by itself, and is called at the next release
        }
        return false;
    }
    if (offered_ != &w) {
        // A waiter that was called in vain may come after the lock was offered to a later one.
        const lock_waiter* const earlier = offered_ != nullptr && offered_->place_ < w.place_ ? offered_ : first(now);
        if (earlier != nullptr && earlier->place_ < w.place_) {
            if (earlier != offered_)
                settle(now);
            if (offered_ != nullptr) { // other waiters may not come
                g.clock_ = &w;
                w.asks_at_ = offer_ends_;
            }
            w.called_ = w.overtaken_ = {}; // it has come, and waiting for its turn is not being overtaken
            return false;
        }
    }
    end_offer(now);
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
    if (offered_ == &w)
        end_offer(now);
    unlink(w);
    if (held_)
        return false;
    if (offered_ == nullptr)
        settle(now); // it may have been the one that was woken
    else
        watch_offer(now);
    return false;
}

void lock_queue::release(lock_time now) noexcept
{
    held_ = false;
    settle(now);
}

void lock_queue::call(lock_waiter& w, lock_time now) noexcept
{
    if (w.called_ == lock_time())
        w.called_ = now;
    w.wake();
}

void lock_queue::invite(lock_group& g, lock_time now) noexcept
{
    if (!g.absent_) {
        if (g.up_ != nullptr)
            call(*g.up_, now);
        return;
    }
    call(*g.first_, now); // an earlier call may have failed for lack of memory
    if (g.probe_ == nullptr)
        return;
    if (!g.probe_->runs_with(*g.first_))
        call(*g.probe_, now);
    g.probe_ = g.probe_->next_;
}

void lock_queue::settle(lock_time now) noexcept
{
    end_offer(now);
    for (lock_group* g = threads_.next_; g != nullptr; g = g->next_) {
        if (!deserves(*g, now))
            invite(*g, now);
    }
    lock_waiter* const w = first(now);
    if (w == nullptr)
        return; // the lock is free for all, and each context has been called
    if (w->context_ != nullptr) {
        offer(*w, now);
        return;
    }
    if (now - w->since_ >= max_overtaking) {
        unlink(*w);
        w->granted_ = true;
        held_ = true;
    } else if (now - w->overtaken_ < rest)
        return; // it has just been woken in vain, and asks again itself
    w->wake();
}

void lock_queue::offer(lock_waiter& w, lock_time now) noexcept
{
    const lock_group& g = *find(w.context_);
    offered_ = &w;
    offer_began_ = now;
    if (now < thrifty_until_)
        offer_ends_ = now + prompt;
    else
        offer_ends_ = now + std::clamp<std::chrono::nanoseconds>(2 * g.latency_, grace, max_offer);
    call(w, now);
    watch_offer(now);
}

void lock_queue::watch_offer(lock_time now) noexcept
{
    if (threads_.first_ != nullptr) {
        set_clock(threads_, now);
        return;
    }
    for (lock_group* g = threads_.next_; g != nullptr; g = g->next_) {
        // A waiter that runs with the offered one would be stuck as well.
        if (g->context_ == offered_->context_ ? !g->last_->runs_with(*offered_) : !g->absent_)
            set_clock(*g, now);
    }
}

void lock_queue::set_clock(lock_group& g, lock_time now) noexcept
{
    const lock_waiter* const c = g.clock_;
    if (c != nullptr && c != offered_ && c->asks_at_ > now && c->asks_at_ <= offer_ends_)
        return;
    g.clock_ = g.last_; // the last one stays in the queue for longest
    g.clock_->asks_at_ = offer_ends_;
    call(*g.clock_, now);
}

std::optional<lock_time> lock_queue::ask_again_at(const lock_waiter& w) noexcept
{
    std::optional<lock_time> t;
    if (w.asks_at_ != lock_time())
        t = w.asks_at_;
    if (w.overtaken_ != lock_time() && (!t || w.overtaken_ + rest < *t))
        t = w.overtaken_ + rest;
    return t;
}

void lock_queue::wake_all() noexcept
{
    for (lock_group* g = &threads_; g != nullptr; g = g->next_) {
        for (lock_waiter* w = g->first_; w != nullptr; w = w->next_)
            w->wake();
    }
}

} // namespace ferrule::detail
