#include <ferrule/client/client.hpp>

#include "src/client/immediate.hpp"
#include "src/client/perform.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cmath>
#include <coroutine>
#include <new>

namespace ferrule {
namespace detail {
namespace {

constexpr std::size_t peeked = 64 * 1024; // bytes, behind which the end need not be seen yet

/// Looks at what has arrived on a connection, up to `size` bytes, or takes it. Never waits.
error_code look_at(const client_connection& c, bool takes, std::size_t size, transfer_result& found)
{
    read_request all(read_request::what::available, size);
    all.peek = !takes;
    return run(c.stream.channel(), all, deadline::now(), found);
}

/// Blocks where a coroutine would suspend.
class blocking {
public:
    template <class T>
    using task = immediate<T>;
    template <class T>
    using argument = T&;

    static std::suspend_never acquire(cross_lock& lock, const until& timeout)
    {
        if (const error_code ec = lock.acquire(timeout))
            throw_error(ec);
        return {};
    }
    static ready<std::size_t> send(const channel_ptr& c, exchange& x, const until& timeout)
    {
        if (!x.is_idempotent())
            return transfer(c, x.request(), timeout).transferred;
        write_request again = x.request(); // another attempt may need the original
        return transfer(c, again, timeout).transferred;
    }
    static ready<transfer_result> receive(const channel_ptr& c, exchange& x, const until& timeout)
    {
        return transfer(c, x.reply(), timeout);
    }
    static ready<duplex> connection(message_reader<accepted<void>>& from, const until& timeout)
    {
        return from.recv(timeout);
    }
    static std::suspend_never run(connected_coroutine& f, const client_session& s, const until& timeout)
    {
        run_here(f, s, timeout);
        return {};
    }
};

} // namespace

template <class T>
T call_for(const caller& by, exchange&& x)
{
    return perform<blocking, T>(by, x).get();
}
template FERRULE_EXPORT bytes call_for(const caller&, exchange&&);
template FERRULE_EXPORT std::vector<bytes> call_for(const caller&, exchange&&);
template FERRULE_EXPORT std::optional<bytes> call_for(const caller&, exchange&&);

error_code failure_of_call() noexcept
{
    try {
        throw;
    } catch (const boost::system::system_error& e) { // Asio's as well
        return e.code() == condition::cancelled ? make_error_code(errc::cancelled) : e.code();
    } catch (const std::bad_alloc&) {
        return no_memory();
    } catch (...) {
        return errc::callback_failed;
    }
}

std::string text_of_failure()
{
    try {
        throw;
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

client_core::client_core(connector to, client_options o) : to_(std::move(to)), options_(std::move(o))
{
    nap.lock();
}

void client_core::close() noexcept
{
    std::shared_ptr<client_connection> c;
    message_reader<accepted<void>> connecting;
    {
        const std::lock_guard guard(mutex_);
        ++closings_;
        c = std::exchange(connection_, {});
        connecting = std::exchange(connecting_, {});
        if (std::exchange(naps_, false))
            nap.unlock();
    }
    connecting.close();
    if (c) {
        c->stream.close();
        report_loss({});
    }
}

void client_core::require(std::uint64_t epoch) const
{
    if (epoch != closings_)
        throw_in_context(errc::closed, name_in_error());
}

bool client_core::is_open() const
{
    const std::lock_guard guard(mutex_);
    return connection_ && connection_->stream.is_open();
}

std::shared_ptr<client_connection> client_core::connection()
{
    std::shared_ptr<client_connection> c;
    {
        const std::lock_guard guard(mutex_);
        c = connection_;
    }
    if (c && !c->stream.is_open()) { // a coroutine that used it was destroyed
        lose(c, errc::cancelled);
        c = nullptr;
    }
    return c;
}

connecting_duplex client_core::begin(std::uint64_t epoch)
{
    connecting_duplex begun = to_.begin();
    if (const auto* const reader = std::get_if<message_reader<accepted<void>>>(&begun)) {
        const std::lock_guard guard(mutex_);
        require(epoch);
        connecting_ = *reader;
    }
    return begun;
}

until client_core::attempt_time(const until& call) const
{
    return until(std::min(call.deadline(), in(options_.connect_timeout_).deadline()), call.stop());
}

void client_core::end_attempt() noexcept
{
    const std::lock_guard guard(mutex_);
    connecting_ = {};
}

void client_core::adopt(std::shared_ptr<client_connection> c, std::uint64_t epoch)
{
    if (const handle_use use(c->stream.channel());
        use.descriptor() != nullptr && use.descriptor()->kind() != transfer_kind::stream)
        throw_in_context(errc::unsupported, name_in_error() + ": it has packets");
    const std::lock_guard guard(mutex_);
    require(epoch);
    connection_ = std::move(c);
}

void client_core::lose(const std::shared_ptr<client_connection>& c, const error_code& why) noexcept
{
    {
        const std::lock_guard guard(mutex_);
        if (connection_ != c)
            return; // `close` has told
        connection_ = nullptr;
    }
    c->stream.close();
    if (why == condition::end && options_.end_)
        options_.end_();
    report_loss(why);
}

void client_core::report_loss(const error_code& why) noexcept
{
    if (options_.lost_)
        options_.lost_(why);
}

bool client_core::is_fit(const std::shared_ptr<client_connection>& c, bool drops) noexcept
{
    transfer_result found;
    const error_code ec = look_at(*c, drops, drops ? max_payload() : peeked, found);
    if (!ec && !found.data.empty()) {
        dropped_ += found.data.size();
        if (options_.unsolicited_)
            options_.unsolicited_(std::move(found.data));
    }
    if (ec == condition::timeout) // a coroutine of the session still reads
        return true;
    if (!ec && !found.ended)
        return true;
    lose(c, ec ? ec : errc::end_of_stream);
    return false;
}

void client_core::failed(deadline& last_attempt)
{
    const reconnect& r = options_.reconnect_;
    if (r.what() != reconnect::kind::retry)
        return;
    if (last_attempt.is_never() && r.deadline() != std::chrono::milliseconds::max())
        last_attempt = r.deadline();
    const double longest = static_cast<double>(r.cap().count());
    const double pause =
        std::min(longest, std::ldexp(static_cast<double>(r.base().count()), std::min(failures_++, 60)));
    const double part = 1 - r.jitter() * std::uniform_real_distribution<>()(random_);
    next_attempt_ = std::chrono::duration<double, std::milli>(pause * part);
}

void client_core::lie_down(std::uint64_t epoch)
{
    const std::lock_guard guard(mutex_);
    require(epoch);
    naps_ = true;
}

void client_core::get_up(bool got_up) noexcept
{
    const std::lock_guard guard(mutex_);
    if (!std::exchange(naps_, false) && !got_up)
        (void)nap.try_lock(); // `close` came too late to wake
}

std::size_t client_core::waiting() noexcept
{
    const std::shared_ptr<client_connection> c = connection();
    transfer_result found;
    return c && !c->awaits_replies() && !look_at(*c, false, max_payload(), found) ? found.transferred : 0;
}

} // namespace detail

reconnect reconnect::retry(std::chrono::milliseconds base, std::chrono::milliseconds cap, double jitter,
                           std::chrono::milliseconds deadline) noexcept
{
    reconnect r(kind::retry);
    r.base_ = std::max(base, std::chrono::milliseconds(1));
    r.cap_ = std::max(cap, r.base_);
    r.jitter_ = std::clamp(jitter, 0.0, 1.0);
    r.deadline_ = deadline;
    return r;
}

client::client(connector to, client_options o)
    : by_{std::make_shared<detail::client_core>(std::move(to), std::move(o)), nullptr}
{
}

void client::close() noexcept
{
    by_.client->close();
}

duplex client_session::connection() const
{
    return by_.session->stream;
}

duplex client::connection() const
{
    const auto c = by_.client->connection();
    return c ? c->stream : duplex();
}

bool client::connected() const
{
    detail::client_core& core = *by_.client;
    if (!core.turn.try_lock())
        return core.is_open();
    const detail::held_turn turn(core);
    const auto c = core.connection();
    return c && (c->awaits_replies() || core.is_fit(c, false));
}

std::size_t client::in_waiting() const
{
    detail::client_core& core = *by_.client;
    if (!core.turn.try_lock())
        return 0;
    const detail::held_turn turn(core);
    return core.waiting();
}

std::uint64_t client::connections() const noexcept
{
    return by_.client->connections();
}

std::uint64_t client::dropped() const noexcept
{
    return by_.client->dropped();
}

const std::string& client::name() const noexcept
{
    return by_.client->name();
}

} // namespace ferrule
