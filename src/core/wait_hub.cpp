#include "src/core/wait_hub.hpp"

#include "platform/caught.hpp"

#include <new>
#include <utility>

namespace ferrule::detail {

namespace {
constexpr int max_in_a_row = 64; // operations that continue before other handlers of the context
constexpr int stop_interval = 4; // operations after which a context that is stopped is left
} // namespace

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

void wait_hub::queue::push(std::shared_ptr<resting> r) noexcept
{
    resting* const last = r.get();
    (first_ ? last_->next_ : first_) = std::move(r);
    last_ = last;
}

std::shared_ptr<resting> wait_hub::queue::pop() noexcept
{
    std::shared_ptr<resting> r = std::move(first_);
    first_ = std::move(r->next_);
    return r;
}

error_code wait_hub::watch(wait_point& p, std::span<const readiness> targets, bool again) noexcept
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
    return ec;
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

void wait_hub::has_one_more() noexcept
{
    ++at_rest_;
    if (at_work_) // read after the count has grown, and `be_at_work` does the opposite
        return;
    const std::lock_guard held(mutex_);
    be_at_work();
}

void wait_hub::wake(std::shared_ptr<resting> r) noexcept
{
    const std::lock_guard held(mutex_);
    ready_.push(std::move(r));
    --at_rest_;
    be_at_work();
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

// Under the mutex. Makes sure that `run` will be called, and soon if something is ready.
void wait_hub::be_at_work() noexcept
{
    if (!waits_) {
        at_work_ = false;
        if (ended_ || (at_rest_ == 0 && ready_.empty()))
            return;
        at_work_ = waits_ = true;
        watched_->async_wait(handler(shared_from_this()));
    }
    if (!waits_ || ready_.empty() || std::exchange(kicked_, true))
        return;
    try {
        watched_->cancel();
    } catch (const boost::system::system_error&) { // the wait has completed
    }
}

void wait_hub::run(bool ready)
{
    if (generation_ != fork_generation())
        return; // the child of a fork may take nothing of the parent's
    std::unique_lock held(mutex_);
    waits_ = kicked_ = false;
    if (ready && !ended_)
        set_.visit_ready(*this);
    for (int n = 0; n < max_in_a_row && !ready_.empty(); ++n) {
        const boost::asio::io_context* const anywhere = ready_.first().runs_anywhere_in();
        if (n % stop_interval == stop_interval - 1 && anywhere != nullptr && anywhere->stopped())
            break;
        std::shared_ptr<resting> r = ready_.pop();
        if (anywhere != nullptr)
            be_at_work();
        held.unlock();
        resting& next = *r;
        anywhere != nullptr ? next.go_on(std::move(r)) : next.hand_over(r);
        if (generation_ != fork_generation())
            return; // forked inside the handler
        held.lock();
    }
    be_at_work();
}

bool wait_hub::found(os::readiness_set::member& m, os::report how) noexcept
{
    std::shared_ptr<resting> r;
    if (!static_cast<wait_point&>(m).report(*this, how, r))
        return false;
    if (r) {
        ready_.push(std::move(r));
        --at_rest_;
    }
    return true;
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
    while (!ready_.empty())
        ready_.pop()->abandon();
}

} // namespace ferrule::detail
