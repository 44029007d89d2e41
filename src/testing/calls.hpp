// Calls of an endpoint in every style, and their outcomes. Private.
#pragma once

#include "src/testing/expect.hpp"

#include <ferrule/asio.hpp>
#include <ferrule/testing/socket_contract.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <exception>
#include <utility>

namespace ferrule::testing::kit {

namespace asio = boost::asio;

using style = call_style;
inline constexpr style all_styles[] = {style::blocking, style::awaitable, style::callback};

inline const char* name(style s)
{
    static constexpr const char* names[] = {"blocking", "awaitable", "callback"};
    return names[static_cast<std::size_t>(s)];
}

/// Bounds calls that might otherwise hang.
inline constexpr std::chrono::seconds timeout{contract_check::timeout_in_seconds};

/// The outcome of a call.
template <class T>
class outcome {
public:
    error_code error{};
    T value{};                   // on error: the bytes that had arrived or left
    std::size_t transferred = 0; // from exceptions
};

// The next two are instantiated for `bytes` and `std::size_t`, in calls.cpp.
template <class T>
void note_exception(outcome<T>& o, std::exception_ptr e);

/// Runs `a` to its end on the context.
template <class T>
void run(asio::io_context& context, asio::awaitable<T> a, outcome<T>& o);

/// Records the arguments of a callback. One type for all calls compiles faster than one lambda for each.
template <class T>
class note_taker {
public:
    explicit note_taker(outcome<T>& o) noexcept : outcome_(&o) {}
    void operator()(error_code ec, T v) const
    {
        outcome_->error = ec;
        outcome_->value = std::move(v);
    }

private:
    outcome<T>* outcome_;
};

/// Calls `blocking()`, or `async(token…)` on a context that this thread runs, and returns the outcome. `slot` cancels a
/// callback.
template <class T, class Blocking, class Async>
outcome<T> call(style s, Blocking blocking, Async async, asio::cancellation_slot slot = {})
{
    outcome<T> o;
    asio::io_context context;
    switch (s) {
    case style::blocking: try { o.value = blocking();
        } catch (...) {
            note_exception(o, std::current_exception());
        }
        break;
    case style::awaitable: run(context, async(), o); break;
    case style::callback:
        async(asio::bind_cancellation_slot(slot, asio::bind_executor(context, note_taker<T>(o))));
        context.run();
        break;
    }
    return o;
}

/// `call` for receiving. On error a callback receives no data, so `peek_partial` supplies what exceptions show.
template <class T, class Reader, class Blocking, class Async>
outcome<T> receive(style s, Reader& r, Blocking blocking, Async async, asio::cancellation_slot slot = {})
{
    outcome<T> o = call<T>(s, blocking, async, slot);
    if (s == style::callback && o.error && o.error != errc::packet_truncated) {
        expect(o.value == T(), "a callback is given nothing on error");
        error_code ec;
        const bytes shown = r.peek_partial(deadline::now(), ec);
        if constexpr (std::same_as<T, bytes>)
            o.value = bytes(byte_view(shown).first(std::min<std::size_t>(shown.size(), 64 * 1024)));
        else
            o.value = shown.size();
    }
    return o;
}

template <class Reader>
outcome<bytes> recv(style s, Reader& r, until limit = {}, asio::cancellation_slot slot = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv(limit); }, [&](auto... token) { return r.async_recv(limit, token...); }, slot);
}

template <class Reader>
outcome<bytes> recv_n(style s, Reader& r, std::size_t n, until limit = {}, asio::cancellation_slot slot = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv(n, limit); }, [&](auto... token) { return r.async_recv(n, limit, token...); }, slot);
}

template <class Reader>
outcome<std::size_t> recv_into(style s, Reader& r, std::span<std::byte> b, until limit = {},
                               asio::cancellation_slot slot = {})
{
    return receive<std::size_t>(
        s, r, [&] { return r.recv_into(b, limit); },
        [&](auto... token) { return r.async_recv_into(b, limit, token...); }, slot);
}

template <class Reader>
outcome<std::size_t> recv_some_into(style s, Reader& r, std::span<std::byte> b, until limit = {})
{
    return receive<std::size_t>(
        s, r, [&] { return r.recv_some_into(b, limit); },
        [&](auto... token) { return r.async_recv_some_into(b, limit, token...); });
}

template <class Reader>
outcome<bytes> recv_until(style s, Reader& r, std::string_view separator, until limit = {},
                          asio::cancellation_slot slot = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv_until(separator, limit); },
        [&](auto... token) { return r.async_recv_until(separator, limit, token...); }, slot);
}

template <class Reader>
outcome<bytes> recv_line(style s, Reader& r, until limit = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv_line(limit); }, [&](auto... token) { return r.async_recv_line(limit, token...); });
}

template <class Reader>
outcome<bytes> recv_until_silence(style s, Reader& r, std::chrono::nanoseconds gap, until limit = {},
                                  asio::cancellation_slot slot = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv_until_silence(gap, limit); },
        [&](auto... token) { return r.async_recv_until_silence(gap, limit, token...); }, slot);
}

template <class Reader>
outcome<bytes> recv_all(style s, Reader& r, until limit = {})
{
    return receive<bytes>(
        s, r, [&] { return r.recv_all(limit); }, [&](auto... token) { return r.async_recv_all(limit, token...); });
}

template <class Writer>
outcome<std::size_t> send(style s, Writer& w, const buffers& data, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<std::size_t>(
        s, [&] { return w.send(data, limit); }, [&](auto... token) { return w.async_send(data, limit, token...); },
        slot);
}

} // namespace ferrule::testing::kit
