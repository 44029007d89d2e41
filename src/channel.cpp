#include "src/channel.hpp"

#include "src/write_operation.hpp"

#include <ferrule/detail/requests.hpp>

namespace ferrule::detail {

channel::~channel()
{
    // Operations keep the channel alive, so nobody is inside. The tail is dropped: destructors never block.
    shut(false);
}

bool channel::enter() noexcept
{
    if ((users_.fetch_add(1, std::memory_order_acquire) & closed_flag) == 0)
        return true;
    leave();
    return false;
}

void channel::leave() noexcept
{
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == (closed_flag | 1u))
        close_descriptor();
}

bool channel::shut(bool keep_handle) noexcept
{
    users_.fetch_add(1, std::memory_order_acquire); // so that the descriptor stays for the moment
    const bool first = (users_.fetch_or(closed_flag, std::memory_order_acq_rel) & closed_flag) == 0;
    if (first) {
        keep_handle_ = keep_handle;
        for (side* s : {&reading, &writing}) {
            s->lock.shut();
            s->point->kick();
        }
    }
    leave();
    return first;
}

void channel::close_descriptor() noexcept
{
    // An enter() that fails late brings the count back to this point.
    std::uint32_t last = closed_flag;
    if (!users_.compare_exchange_strong(last, closed_flag | (closed_flag >> 1), std::memory_order_acq_rel))
        return;
    for (side* s : {&reading, &writing}) {
        const auto guard = s->point->guard();
        s->point->unwatch(); // a closed descriptor would stay in the set while a forked process has it open
    }
    if (!keep_handle_)
        fd->close();
}

wait_targets channel::arm(direction d, bool with_tail) noexcept
{
    wait_targets t;
    t.add(fd->arm(d));
    if (d == direction::read && with_tail && tail_is_readers())
        t.add(fd->arm(direction::write));
    return t;
}

bool channel::push_tail() noexcept
{
    if (!writing.lock.try_lock())
        return true; // whoever sends pushes it, or says so when leaving
    write_operation flush(*this);
    const bool fine = flush.advance(true) != step::done || !flush.result;
    writing.lock.unlock();
    return fine;
}

// ---- requests.hpp ----

channel_ptr open_channel(descriptor d)
{
    auto impl = std::move(d).take();
    if (!impl)
        throw_error(errc::bad_descriptor);
    return std::make_shared<channel>(std::move(impl));
}

void require(const channel_ptr& c, direction d)
{
    if (!c->fd->can(d))
        throw_error(errc::wrong_direction);
}

namespace {

bool would_wait(const error_code& ec) noexcept
{
    return ec == errc::timed_out || ec == errc::lock_timed_out;
}

} // namespace

bool run_now(const channel_ptr& c, const read_request& request, read_result& result)
{
    const error_code ec = run(c, request, deadline::now(), result);
    if (ec && !would_wait(ec))
        throw_error(ec, result.data, result.transferred);
    if (ec && c->has_tail()) {
        if (const channel_use use(*c); use)
            (void)c->push_tail(); // as a receive that waits would do
    }
    return !ec;
}

bool run_now(const channel_ptr& c, write_request& request)
{
    std::size_t transferred;
    const error_code ec = run(c, request, deadline::now(), transferred);
    if (ec && !would_wait(ec))
        throw_error(ec, {}, transferred);
    return !ec || transferred != 0;
}

readiness arm(const channel_ptr& c, direction d)
{
    if (!c)
        throw_error(errc::closed);
    const channel_use use(*c);
    if (!use)
        throw_error(errc::closed);
    require(c, d);
    cross_lock& lock = c->of(d).lock;
    if (const error_code ec = lock.acquire(deadline::now()))
        throw_error(ec);
    const readiness r = c->fd->arm(d);
    lock.unlock();
    return r;
}

void disarm(const channel_ptr& c, direction d) noexcept
{
    if (!c || !c->of(d).lock.try_lock())
        return; // whoever is at it disarms when it is done
    if (const channel_use use(*c); use)
        c->fd->disarm(d);
    c->of(d).lock.unlock();
}

std::size_t unsent(const channel_ptr& c) noexcept
{
    return c ? c->unsent.load(std::memory_order_acquire) : 0;
}

bool is_open(const channel_ptr& c) noexcept
{
    return c && c->is_open();
}

void require_nothing_held(const channel_ptr& c)
{
    if (!is_open(c))
        throw_error(errc::closed);
    if (const error_code ec = c->reading.lock.acquire(deadline::now()))
        throw_error(ec);
    const bool nothing = c->buffered.empty() && !c->packet_held;
    c->reading.lock.unlock();
    if (!nothing)
        throw_error(errc::read_ahead);
    if (const error_code ec = c->writing.lock.acquire(deadline::now()))
        throw_error(ec);
    const bool torn = c->has_tail();
    c->writing.lock.unlock();
    if (torn)
        throw_error(errc::torn);
}

handle_use::handle_use(channel_ptr c) noexcept : channel_(std::move(c))
{
    if (channel_ && !channel_->enter())
        channel_.reset();
    if (channel_)
        handle_ = channel_->fd->native_handle();
}

handle_use::~handle_use()
{
    if (channel_)
        channel_->leave();
}

bool inheritable(const channel_ptr& c)
{
    if (!c)
        throw_error(errc::closed);
    const channel_use use(*c);
    if (!use)
        throw_error(errc::closed);
    return c->fd->inheritable();
}

void set_inheritable(const channel_ptr& c, bool on)
{
    if (!c)
        throw_error(errc::closed);
    const channel_use use(*c);
    if (const error_code ec = use ? c->fd->set_inheritable(on) : errc::closed)
        throw_error(ec);
}

std::size_t close(const channel_ptr& c, const until& limit) noexcept
{
    if (!c)
        return 0;
    if (c->has_tail()) {
        try {
            write_request nothing(write_request::what::flush);
            std::size_t transferred;
            (void)run(c, nothing, limit, transferred);
        } catch (...) { // no memory: then nothing more leaves
        }
    }
    if (!c->shut(false))
        return 0;
    return c->unsent.load(std::memory_order_acquire); // a send that this interrupts reports its own rest
}

native_handle_type release(const channel_ptr& c, const until& limit, bytes& leftover)
{
    if (!c)
        throw_error(errc::closed);
    if (const error_code ec = c->reading.lock.acquire(limit))
        throw_error(ec);
    error_code ec = c->writing.lock.acquire(limit);
    native_handle_type handle = invalid_handle;
    if (!ec) {
        if (!c->tail.empty())
            ec = errc::torn;
        else if (c->shut(true)) {
            leftover = std::move(c->buffered);
            handle = c->fd->release(leftover);
        } else
            ec = errc::closed;
        c->writing.lock.unlock();
    }
    c->reading.lock.unlock();
    if (ec)
        throw_error(ec);
    return handle;
}

} // namespace ferrule::detail
