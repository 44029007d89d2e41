// The functions of a channel that endpoints use, except transfers.
#include <ferrule/endpoint.hpp>

#include "src/core/channel.hpp"
#include "src/core/joined_descriptor.hpp"

#include <ferrule/detail/requests.hpp>

namespace ferrule::detail {
namespace {

bool would_wait(const error_code& ec) noexcept
{
    return ec == errc::timed_out || ec == errc::lock_timed_out;
}

/// Enters an open channel, or throws.
class open_use {
public:
    explicit open_use(const channel_ptr& c) : use_(not_null(c))
    {
        if (!use_)
            throw_error(errc::closed);
    }

private:
    static channel& not_null(const channel_ptr& c)
    {
        if (!c)
            throw_error(errc::closed);
        return *c;
    }

    channel_use use_;
};

/// Holds both directions of an idle channel, or throws.
class held_channel {
public:
    explicit held_channel(channel& c) : channel_(c)
    {
        if (!c.reading.lock.try_lock())
            throw_error(c.is_open() ? errc::busy : errc::closed);
        if (c.writing.lock.try_lock())
            return;
        c.reading.lock.unlock();
        throw_error(c.is_open() ? errc::busy : errc::closed);
    }
    held_channel(const held_channel&) = delete;
    held_channel& operator=(const held_channel&) = delete;
    ~held_channel()
    {
        channel_.writing.lock.unlock();
        channel_.reading.lock.unlock();
    }

    /// Throws if the channel holds a part of either stream.
    void require_empty() const
    {
        if (!channel_.incoming.empty() || channel_.packet_held)
            throw_error(errc::read_ahead);
        if (channel_.holds_rest() || channel_.write_refused)
            throw_error(errc::torn);
    }
    /// Closes the channel without its descriptor.
    std::unique_ptr<any_descriptor> take_descriptor()
    {
        if (!channel_.shut(true))
            throw_error(errc::closed);
        channel_.users.wait_until_finished();
        return std::move(channel_.fd);
    }

private:
    channel& channel_;
};

} // namespace

channel_ptr open_channel(descriptor d)
{
    if (d.get() == nullptr)
        throw_error(errc::bad_descriptor);
    channel_ptr c;
    try {
        c = std::make_shared<channel>(d.get()->kind());
    } catch (...) {
        d.give_back();
        throw;
    }
    c->fd = std::move(d).take();
    return c;
}

void require(const channel_ptr& c, direction d)
{
    if (!c->fd->can(d))
        throw_error(errc::wrong_direction);
}

bool run_now(const channel_ptr& c, const read_request& request, transfer_result& result)
{
    const error_code ec = run(c, request, deadline::now(), result);
    if (ec && !would_wait(ec))
        result.raise(ec);
    if (ec) {
        if (const channel_use use(*c); use && c->holds_rest())
            (void)c->push_rest(); // as a waiting receive does
    }
    return !ec;
}

bool run_now(const channel_ptr& c, write_request& request)
{
    transfer_result result;
    const error_code ec = run(c, request, deadline::now(), result);
    if (ec && !would_wait(ec))
        result.raise(ec);
    return !ec || result.transferred != 0;
}

readiness arm(const channel_ptr& c, direction d)
{
    const open_use use(c);
    require(c, d);
    cross_lock& lock = c->of(d).lock;
    if (const error_code ec = lock.acquire(deadline::now()))
        throw_error(ec == errc::lock_timed_out ? errc::busy : ec);
    const readiness r = c->fd->arm(d);
    lock.unlock();
    return r;
}

void disarm(const channel_ptr& c, direction d) noexcept
{
    if (!c || !c->of(d).lock.try_lock())
        return; // the operation under way disarms when it is done
    if (const channel_use use(*c); use)
        c->fd->disarm(d);
    c->of(d).lock.unlock();
}

std::uint64_t skipped(const channel_ptr& c) noexcept
{
    return c ? c->skipped.load(std::memory_order_relaxed) : 0;
}

std::size_t unsent(const channel_ptr& c) noexcept
{
    if (!c)
        return 0;
    const channel_use use(*c);
    return c->tail.size() + (use ? c->fd->unsent() : 0);
}

bool is_open(const channel_ptr& c) noexcept
{
    return c && c->is_open();
}

void require_nothing_held(const channel_ptr& c)
{
    if (!is_open(c))
        throw_error(errc::closed);
    const held_channel idle(*c);
    idle.require_empty();
}

descriptor take_descriptor(const channel_ptr& c)
{
    if (!is_open(c))
        throw_error(errc::closed);
    held_channel idle(*c);
    idle.require_empty();
    return descriptor(idle.take_descriptor());
}

handle_use::handle_use(channel_ptr c) noexcept : channel_(std::move(c)), entered_(channel_ ? channel_->enter() : 0)
{
    if (entered_ == 0)
        return;
    descriptor_ = channel_->fd.get();
    handle_ = descriptor_->native_handle();
}

handle_use::~handle_use()
{
    if (entered_ != 0)
        channel_->leave(entered_);
}

bool inheritable(const channel_ptr& c)
{
    const open_use use(c);
    return c->fd->inheritable();
}

void set_inheritable(const channel_ptr& c, bool on)
{
    const open_use use(c);
    if (const error_code ec = c->fd->set_inheritable(on))
        throw_error(ec);
}

std::size_t close(const channel_ptr& c, const until& timeout) noexcept
{
    if (!c)
        return 0;
    try { // the flush waits for senders as well
        write_request nothing(write_request::what::flush);
        transfer_result result;
        (void)run(c, nothing, timeout, result);
    } catch (...) { // without memory nothing more leaves
    }
    std::size_t held = 0;
    if (const channel_use use(*c); use)
        held = c->fd->unsent();
    if (!c->shut(false))
        return 0;
    return c->tail.size() + held + c->under_way.load(std::memory_order_acquire);
}

native_handle_type release(const channel_ptr& c, const until& timeout, bytes& leftover, error_code& ec)
{
    native_handle_type handle = invalid_handle;
    ec = c ? c->reading.lock.acquire(timeout) : errc::closed;
    if (ec)
        return handle;
    ec = c->writing.lock.acquire(timeout);
    if (!ec) {
        if (!c->tail.empty() || (c->is_open() && c->fd->unsent() != 0))
            ec = errc::torn;
        else if (c->shut(true)) {
            c->users.wait_until_finished(); // other callers may still use the handle
            leftover = c->incoming.release();
            handle = c->fd->release(leftover);
        } else
            ec = errc::closed;
        c->writing.lock.unlock();
    }
    c->reading.lock.unlock();
    return handle;
}

channel_ptr join(const channel_ptr& in, const channel_ptr& out)
{
    if (!in || !out)
        throw_error(errc::closed);
    if (in == out)
        return in;
    held_channel reading(*in);
    held_channel writing(*out);
    require(in, direction::read);
    require(out, direction::write);
    if (in->packets != out->packets)
        throw_error(errc::unsupported);
    if (!in->tail.empty()) // the joined endpoint could not send it
        throw_error(errc::torn);
    if (!out->incoming.empty()) // the joined endpoint could not deliver it
        throw_error(errc::read_ahead);
    auto descriptor = std::make_unique<joined_descriptor>(in->fd->kind());
    joined_descriptor& joined = *descriptor;
    auto c = std::make_shared<channel>(in->fd->kind());
    c->fd = std::move(descriptor);
    joined.set(direction::read, reading.take_descriptor());
    joined.set(direction::write, writing.take_descriptor());
    c->incoming = std::move(in->incoming);
    c->packet_held = in->packet_held;
    c->read_refused = in->read_refused;
    c->tail.keep(out->tail.release());
    c->write_refused = out->write_refused;
    return c;
}

} // namespace ferrule::detail
