#include "src/core/wait_hub.hpp"

#include "platform/caught.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ferrule::detail {

/// The completion handler of the reactor's wait.
class wait_hub::handler {
public:
    explicit handler(std::shared_ptr<wait_hub> h) noexcept : hub_(std::move(h)) {}

    void operator()(error_code ec) { std::exchange(hub_, nullptr)->run(!ec); }

    // There is one wait at a time, and Asio frees its memory before it calls the handler.
    template <class T>
    class allocator {
    public:
        using value_type = T;

        explicit allocator(wait_hub& h) noexcept : hub_(&h) {}
        template <class U>
        allocator(const allocator<U>& other) noexcept : hub_(other.hub_)
        {
        }
        [[nodiscard]] T* allocate(std::size_t n)
        {
            return static_cast<T*>(fits(n) ? hub_->memory_.data() : ::operator new(n * sizeof(T)));
        }
        void deallocate(T* p, std::size_t n) noexcept
        {
            if (!fits(n))
                ::operator delete(p);
        }
        friend bool operator==(const allocator&, const allocator&) noexcept = default;

    private:
        template <class U>
        friend class allocator;
        static bool fits(std::size_t n) noexcept { return n * sizeof(T) <= sizeof memory_; }

        wait_hub* hub_;
    };
    using allocator_type = allocator<void*>;
    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*hub_); }

private:
    std::shared_ptr<wait_hub> hub_;
};

error_code wait_hub::rest(wait_point& p, std::shared_ptr<resting> r, std::span<const readiness> targets,
                          bool again) noexcept
{
    const std::lock_guard held(mutex_);
    if (ended_)
        return errc::cancelled;
    if (const error_code ec = open())
        return ec;
    const bool was_watched = p.is_watched();
    const error_code ec = set_.watch(p, targets, again);
    if (p.is_watched() != was_watched) // a refusal may leave it with no target
        was_watched ? unlist(p) : list(p);
    if (ec)
        return ec;
    p.in_hub_.rests = std::move(r);
    ++at_rest_;
    if (!waits_ && !runs_)
        start();
    return {};
}

error_code wait_hub::open() noexcept
{
    try {
        error_code ec;
        if (!set_.is_open())
            ec = set_.open();
        if (!ec && !watched_) {
            watched_.emplace(context_, set_.handle(), ec);
            if (ec)
                watched_.reset();
        }
        return ec;
    } catch (...) {
        return os::caught();
    }
}

void wait_hub::wake(wait_point& p) noexcept
{
    const std::lock_guard held(mutex_);
    if (!p.in_hub_.rests)
        return;
    --at_rest_;
    resting* const r = p.in_hub_.rests.get();
    (woken_ ? last_woken_->next_ : woken_) = std::move(p.in_hub_.rests);
    last_woken_ = r;
    kick();
}

void wait_hub::unwatch(wait_point& p) noexcept
{
    const std::lock_guard held(mutex_);
    set_.unwatch(p);
    unlist(p);
}

// Under the mutex.
void wait_hub::list(wait_point& p) noexcept
{
    p.in_hub_.next = watching_;
    if (watching_ != nullptr)
        watching_->in_hub_.previous = &p;
    watching_ = &p;
}

// Under the mutex.
void wait_hub::unlist(wait_point& p) noexcept
{
    wait_point::hub_entry& e = p.in_hub_;
    (e.previous != nullptr ? e.previous->in_hub_.next : watching_) = e.next;
    if (e.next != nullptr)
        e.next->in_hub_.previous = e.previous;
    e.previous = e.next = nullptr;
}

std::shared_ptr<resting> wait_hub::take_off(wait_point& p) noexcept
{
    const std::lock_guard held(mutex_);
    if (p.in_hub_.rests)
        --at_rest_;
    return std::exchange(p.in_hub_.rests, nullptr);
}

// Under the mutex.
std::shared_ptr<resting> wait_hub::take_woken() noexcept
{
    std::shared_ptr<resting> first = std::move(woken_);
    woken_ = std::move(first->next_);
    return first;
}

// Under the mutex.
void wait_hub::put_back(std::shared_ptr<resting> r) noexcept
{
    if (!woken_)
        last_woken_ = r.get();
    r->next_ = std::move(woken_);
    woken_ = std::move(r);
}

// Under the mutex.
void wait_hub::start() noexcept
{
    waits_ = true;
    watched_->async_wait(handler(shared_from_this()));
}

// Under the mutex. While `run` is under way, it finds what has been woken.
void wait_hub::kick() noexcept
{
    if (!waits_ || std::exchange(kicked_, true))
        return;
    try {
        watched_->cancel();
    } catch (const boost::system::system_error&) { // the wait has completed
    }
}

void wait_hub::run(bool ready)
{
    if (generation_ != fork_generation())
        return; // the child of a fork may not take what the parent's set has found
    {
        const std::lock_guard held(mutex_);
        waits_ = kicked_ = false;
        runs_ = true;
        if (ready && !ended_)
            set_.visit_ready(*this);
    }
    while (const std::shared_ptr<wait_point> p = std::move(found_)) {
        wait_point::hub_entry& e = p->in_hub_;
        found_ = std::move(e.next_found);
        e.is_found = false;
        p->report(e.found_as);
    }
    std::shared_ptr<resting> last;
    {
        std::unique_lock held(mutex_);
        while (woken_) {
            std::shared_ptr<resting> r = take_woken();
            const bool may_run_here = r->runs_in_any_thread();
            const bool would_run_last = !woken_ && may_run_here;
            held.unlock();
            if (!would_run_last)
                r->hand_over(r);
            held.lock();
            if (!r)
                continue;
            if (may_run_here)
                last = std::move(r);
            else
                put_back(std::move(r)); // for when others have run
            break;
        }
        runs_ = false;
        if (!ended_ && (at_rest_ != 0 || woken_))
            start();
        if (woken_)
            kick();
    }
    if (last)
        last->go_on();
}

void wait_hub::found(os::readiness_set::member& m, os::report how) noexcept
{
    wait_point& p = static_cast<wait_point&>(m);
    wait_point::hub_entry& e = p.in_hub_;
    if (std::exchange(e.is_found, true)) {
        e.found_as = std::max(e.found_as, how);
        return;
    }
    std::shared_ptr<wait_point> self = p.weak_from_this().lock();
    if (!self) { // it is being destroyed
        e.is_found = false;
        return;
    }
    e.found_as = how;
    (found_ ? last_found_->in_hub_.next_found : found_) = std::move(self);
    last_found_ = &p;
}

void wait_hub::end() noexcept
{
    ended_ = true;
    for (;;) {
        std::shared_ptr<wait_point> point;
        {
            const std::lock_guard held(mutex_);
            watched_.reset();
            waits_ = false;
            for (wait_point* p = watching_; p != nullptr && !point; p = p->in_hub_.next)
                point = p->weak_from_this().lock();
        }
        if (!point)
            break;
        if (const std::shared_ptr<resting> r = point->leave(*this))
            r->abandon();
    }
    for (std::shared_ptr<resting> r = std::move(woken_); r; r = std::move(r->next_))
        r->abandon();
}

} // namespace ferrule::detail
