// The way of a call through a client, once for threads and for coroutines. Private.
#pragma once

#include "src/client/client_core.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// `Way` tells how to wait: `Way::task` is the type of coroutines, `Way::argument` that of what they take, and `Way::acquire`,
// `send`, `receive`, `connection` and `run` are what they await.

namespace ferrule::detail {

/// Of one call.
class call_state {
public:
    call_state(const caller& b, exchange& call) : by(b), x(call), epoch(by.client->epoch()) {}

    [[nodiscard]] client_core& core() const noexcept { return *by.client; }

    const caller& by;
    exchange& x;
    const std::uint64_t epoch;
    deadline last_attempt; // when the client gives up by itself
    std::string last_failure{};
};

/// How an exchange has ended.
class exchange_result {
public:
    error_code error{};
    std::size_t sent = 0; // bytes of the request
    transfer_result reply{};
    bool is_lost = false; // the connection
};

/// Ends the turn.
class held_turn {
public:
    explicit held_turn(client_core& c) noexcept : core_(&c) {}
    held_turn(const held_turn&) = delete;
    held_turn& operator=(const held_turn&) = delete;
    ~held_turn() { leave(); }

    [[nodiscard]] bool is_held() const noexcept { return core_ != nullptr; }
    void leave() noexcept
    {
        if (client_core* const core = std::exchange(core_, nullptr))
            core->turn.unlock();
    }

private:
    client_core* core_;
};

/// A place among the calls that wait for their replies.
class place_in_line {
public:
    place_in_line() = default;
    place_in_line(const place_in_line&) = delete;
    place_in_line& operator=(const place_in_line&) = delete;
    ~place_in_line()
    {
        if (own_)
            own_->unlock();
    }

    void take(client_connection& c)
    {
        own_ = std::make_shared<cross_lock>();
        (void)own_->try_lock();
        before_ = c.line.empty() ? nullptr : c.line.back();
        c.line.push_back(own_);
    }
    [[nodiscard]] bool is_taken() const noexcept { return own_ != nullptr; }
    /// Null if there was none.
    [[nodiscard]] const std::shared_ptr<cross_lock>& before() const noexcept { return before_; }

private:
    std::shared_ptr<cross_lock> own_;
    std::shared_ptr<cross_lock> before_;
};

/// Returns when the holder of a place has left it.
template <class Way>
typename Way::template task<bool> wait_for(std::shared_ptr<cross_lock> place, until timeout)
{
    co_await Way::acquire(*place, timeout);
    place->unlock(); // others may wait for it, too
    co_return true;
}

/// Waits until at most `n` calls wait for their replies.
template <class Way>
typename Way::template task<bool> shorten_line(std::shared_ptr<client_connection> c, std::size_t n, until timeout)
{
    while (!c->line.empty() && (c->line.size() > n || !c->line.front()->locked())) {
        co_await wait_for<Way>(c->line.front(), timeout);
        c->line.pop_front();
    }
    co_return true;
}

/// Closes a connection unless it is known what comes next on it. So it ends if its coroutine is destroyed, too.
class doubt {
public:
    explicit doubt(const duplex& d) noexcept : stream_(d) {}
    doubt(const doubt&) = delete;
    doubt& operator=(const doubt&) = delete;
    ~doubt() { stream_.close(); }

    void settle() noexcept { stream_ = {}; }

private:
    duplex stream_;
};

/// Whether a transfer that fails in this way has left the stream as it was.
inline bool is_interruption(const error_code& ec) noexcept
{
    return ec == condition::timeout || ec == condition::cancelled || ec == condition::misuse;
}

/// Whether another attempt may succeed where this one has failed.
inline bool is_passing(const error_code& ec) noexcept
{
    return ec != condition::cancelled && ec != condition::misuse && ec != condition::untrusted && ec != errc::closed &&
           ec != errc::callback_failed;
}

/// Sends the request, and receives the reply. If `turn` is given, leaves it in between.
template <class Way>
typename Way::template task<exchange_result> talk(call_state& s, std::shared_ptr<client_connection> c, until timeout,
                                                  held_turn* turn = nullptr)
{
    exchange_result result;
    doubt open(c->stream);
    place_in_line place;
    try {
        if (s.x.sends())
            result.sent = co_await Way::send(c->stream.channel(), s.x, timeout);
        if (turn != nullptr) {
            place.take(*c);
            turn->leave();
            if (place.before())
                co_await wait_for<Way>(place.before(), timeout);
        }
        if (s.x.receives())
            result.reply = co_await Way::receive(c->stream.channel(), s.x, timeout);
    } catch (const error& e) {
        result.error = e.code();
        if (s.x.sends() && result.sent == 0)
            result.sent = e.transferred();
        else
            result.reply.data = bytes(e.data());
    } catch (...) {
        result.error = failure_of_call();
    }
    if (result.error == errc::closed && s.epoch == s.core().epoch()) // by another call that has failed
        result.error = boost::system::errc::make_error_code(boost::system::errc::connection_aborted);
    const bool is_end = result.reply.ended && !s.x.looks();
    if (!result.error && !place.is_taken())
        c->owes_reply = s.x.sends() && !s.x.receives();
    result.is_lost = result.error ? !is_interruption(result.error) || result.sent != 0 || c->owes_reply : is_end;
    if (!result.is_lost)
        open.settle();
    else
        s.core().lose(c, is_end ? errc::end_of_stream : result.error);
    co_return result;
}

/// An attempt to connect, which `close` ends.
class attempt {
public:
    attempt(client_core& c, std::uint64_t epoch) : core_(c), begun_(c.begin(epoch)) {}
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt() { core_.end_attempt(); }

    [[nodiscard]] const connecting_duplex& begun() const noexcept { return begun_; }

private:
    client_core& core_;
    connecting_duplex begun_;
};

template <class Way>
typename Way::template task<std::shared_ptr<client_connection>> connect_once(call_state& s)
{
    client_core& core = s.core();
    const until timeout = core.attempt_time(s.x.timeout());
    const attempt under_way(core, s.epoch);
    connecting_duplex begun = under_way.begun();
    if (auto* const reader = std::get_if<message_reader<accepted<void>>>(&begun)) {
        duplex made = co_await Way::connection(*reader, timeout);
        begun = std::move(made);
    }
    const auto c = std::make_shared<client_connection>(std::get<duplex>(begun), timeout);
    core.adopt(c, s.epoch);
    doubt unready(c->stream);
    std::exception_ptr thrown;
    error_code ec;
    try {
        const client_session session(caller{s.by.client, c});
        if (core.connected())
            core.connected()(session);
        else if (core.connected_async())
            co_await Way::run(*core.connected_async(), session, timeout);
    } catch (...) {
        thrown = std::current_exception();
        ec = failure_of_call();
    }
    c->usable = false;
    if (thrown)
        core.lose(c, ec);
    core.require(s.epoch);
    if (thrown)
        std::rethrow_exception(thrown);
    if ((s.x.sends() || s.x.opens()) && !core.is_fit(c, s.x.sends() && s.x.receives()))
        throw_in_context(errc::end_of_stream, core.name_in_error() + ": the new connection");
    unready.settle();
    core.count();
    co_return c;
}

/// Waits for the time of the next attempt.
template <class Way>
typename Way::template task<bool> pause(call_state& s)
{
    client_core& core = s.core();
    const until& timeout = s.x.timeout();
    while (!core.next_attempt().expired()) {
        const bool is_last = timeout.deadline() < core.next_attempt();
        const until end(is_last ? timeout.deadline() : core.next_attempt(), timeout.stop());
        core.lie_down(s.epoch);
        bool got_up = false;
        std::exception_ptr thrown;
        try {
            co_await Way::acquire(core.nap, end);
            got_up = true;
        } catch (const timeout_error&) {
        } catch (...) {
            thrown = std::current_exception();
        }
        core.get_up(got_up);
        core.require(s.epoch);
        if (thrown)
            std::rethrow_exception(thrown);
        if (is_last)
            throw_in_context(errc::timed_out, core.name_in_error() + ": not connected; " + s.last_failure);
    }
    co_return true;
}

template <class Way>
typename Way::template task<std::shared_ptr<client_connection>> connect(call_state& s)
{
    client_core& core = s.core();
    const bool tries_again = core.policy().what() == reconnect::kind::retry;
    if (core.policy().what() == reconnect::kind::never && !s.x.opens())
        throw_in_context(boost::system::errc::make_error_code(boost::system::errc::not_connected),
                         core.name_in_error());
    for (;;) {
        if (tries_again)
            co_await pause<Way>(s);
        std::exception_ptr thrown;
        error_code ec;
        try {
            co_return co_await connect_once<Way>(s);
        } catch (...) {
            thrown = std::current_exception();
            ec = failure_of_call();
            s.last_failure = text_of_failure();
        }
        core.require(s.epoch);
        core.failed(s.last_attempt);
        if (!tries_again || !is_passing(ec) || s.last_attempt.expired())
            std::rethrow_exception(thrown);
    }
}

/// Throws what the caller is told of a failed exchange.
[[noreturn]] inline void throw_failure(const call_state& s, const exchange_result& r)
{
    std::string context = s.core().name_in_error();
    if (const std::size_t size = s.x.request_size(); size != 0)
        context += r.sent == 0      ? ": nothing of the request has left"
                   : r.sent == size ? ": the request has left"
                                    : ": " + std::to_string(r.sent) + " of " + std::to_string(size) +
                                          " bytes of the request have left";
    throw_in_context(r.error, context, r.reply.data, r.sent);
}

/// Whether the request may be sent again.
inline bool may_repeat(const call_state& s, const exchange_result& r, bool is_repeated)
{
    if (!r.is_lost || !s.x.sends() || !is_passing(r.error) || r.error == condition::timeout)
        return false;
    if (r.sent != 0 && !s.x.is_idempotent())
        return false;
    switch (s.core().policy().what()) {
    case reconnect::kind::never: return false;
    case reconnect::kind::once: return !is_repeated;
    case reconnect::kind::retry: return !s.last_attempt.expired();
    }
    return false;
}

/// The earlier end of both.
inline until within(const until& a, const until& b)
{
    return until(std::min(a.deadline(), b.deadline()), a.stop().stop_possible() ? a.stop() : b.stop());
}

/// The result of a call, as `T`.
template <class T>
T result_of(const call_state& s, transfer_result&& r)
{
    if constexpr (std::is_same_v<T, transfer_result>)
        return std::move(r);
    else if constexpr (std::is_same_v<T, bytes>)
        return std::move(r.data);
    else if constexpr (std::is_same_v<T, std::optional<bytes>>)
        return r.ended ? T() : T(std::move(r.data));
    else if constexpr (std::is_same_v<T, std::size_t>)
        return r.data.size();
    else if constexpr (std::is_same_v<T, std::vector<bytes>>)
        return lines_of(r.data, s.x.separators());
}

template <class Way, class T>
typename Way::template task<T> perform(typename Way::template argument<const caller> by,
                                       typename Way::template argument<exchange> x)
{
    call_state s(by, x);
    client_core& core = s.core();
    exchange_result r;
    if (s.x.is_empty()) {
    } else if (s.by.session) {
        const std::shared_ptr<client_connection>& session = s.by.session;
        if (!session->usable)
            throw_in_context(errc::closed, core.name_in_error() + ": on_connected has returned");
        if (s.x.sends() && !core.is_fit(session, s.x.receives()))
            throw_in_context(errc::end_of_stream, core.name_in_error());
        r = co_await talk<Way>(s, session, within(s.x.timeout(), session->bound));
        if (r.error)
            throw_failure(s, r);
    } else {
        try {
            co_await Way::acquire(core.turn, s.x.timeout());
        } catch (const error& e) {
            throw_in_context(e.code(), core.name_in_error() + ": waiting for other calls");
        }
        held_turn turn(core);
        core.require(s.epoch);
        for (bool is_repeated = false;; is_repeated = true) {
            std::shared_ptr<client_connection> c = core.connection();
            if (!c && s.x.looks())
                break;
            const bool is_pipelined = core.pipeline() > 1 && s.x.sends() && s.x.receives();
            if (c && core.pipeline() > 1)
                co_await shorten_line<Way>(c, is_pipelined ? core.pipeline() - 1 : 0, s.x.timeout());
            if (c && c->line.empty() && (s.x.sends() || s.x.opens()) && !core.is_fit(c, s.x.sends() && s.x.receives()))
                c = nullptr;
            if (c && s.x.opens())
                throw_in_context(boost::system::errc::make_error_code(boost::system::errc::already_connected),
                                 core.name_in_error());
            if (!c)
                c = co_await connect<Way>(s);
            if (s.x.opens())
                break;
            r = co_await talk<Way>(s, c, s.x.timeout(), is_pipelined ? &turn : nullptr);
            if (!r.error)
                break;
            if (!turn.is_held() || !may_repeat(s, r, is_repeated))
                throw_failure(s, r);
            core.failed(s.last_attempt);
        }
        if (turn.is_held())
            core.succeeded();
    }
    if constexpr (!std::is_void_v<T>)
        co_return result_of<T>(s, std::move(r.reply));
}

} // namespace ferrule::detail
