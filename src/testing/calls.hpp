// Every way to call an endpoint, and what came of it. Private.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/testing/socket_contract.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <type_traits>
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

/// Ends what would otherwise hang.
inline constexpr std::chrono::seconds patience{contract_check::patience_in_seconds};

/// What a call came to.
template <class T>
class outcome {
public:
    error_code error{};
    T value{};                   // what a callback is given also on error
    std::size_t transferred = 0; // from exceptions
};

template <class T>
void note_exception(outcome<T>& o, std::exception_ptr e)
{
    try {
        std::rethrow_exception(e);
    } catch (const ferrule::error& x) {
        o.error = x.code();
        o.transferred = x.transferred();
        if constexpr (std::is_same_v<T, bytes>)
            o.value = bytes(x.data());
        else
            o.value = x.transferred();
    } catch (const boost::system::system_error& x) { // Asio's own, for a coroutine that was cancelled before it began
        o.error = x.code();
    }
}

/// Calls `blocking()`, or `async(token…)` on a context that this thread runs, and returns what it came to. A callback is
/// cancelled through `slot`.
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
        return o;
    case style::awaitable:
        asio::co_spawn(context, async(), [&](std::exception_ptr e, T v) {
            if (e)
                note_exception(o, e);
            else
                o.value = std::move(v);
        });
        break;
    case style::callback:
        async(asio::bind_cancellation_slot(slot, asio::bind_executor(context, [&](error_code ec, T v) {
                                               o.error = ec;
                                               o.value = std::move(v);
                                           })));
        break;
    }
    context.run();
    return o;
}

template <class Reader>
outcome<bytes> recv(style s, Reader& r, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<bytes>(
        s, [&] { return r.recv(limit); }, [&](auto... token) { return r.async_recv(limit, token...); }, slot);
}

template <class Reader>
outcome<bytes> recv_n(style s, Reader& r, std::size_t n, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<bytes>(
        s, [&] { return r.recv(n, limit); }, [&](auto... token) { return r.async_recv(n, limit, token...); }, slot);
}

template <class Reader>
outcome<std::size_t> recv_into(style s, Reader& r, std::span<std::byte> b, until limit = {},
                               asio::cancellation_slot slot = {})
{
    return call<std::size_t>(
        s, [&] { return r.recv_into(b, limit); }, [&](auto... token) { return r.async_recv_into(b, limit, token...); },
        slot);
}

template <class Reader>
outcome<std::size_t> recv_some_into(style s, Reader& r, std::span<std::byte> b, until limit = {})
{
    return call<std::size_t>(
        s, [&] { return r.recv_some_into(b, limit); },
        [&](auto... token) { return r.async_recv_some_into(b, limit, token...); });
}

template <class Reader>
outcome<bytes> recv_until(style s, Reader& r, std::string_view separator, until limit = {},
                          asio::cancellation_slot slot = {})
{
    return call<bytes>(
        s, [&] { return r.recv_until(separator, limit); },
        [&](auto... token) { return r.async_recv_until(separator, limit, token...); }, slot);
}

template <class Reader>
outcome<bytes> recv_line(style s, Reader& r, until limit = {})
{
    return call<bytes>(
        s, [&] { return r.recv_line(limit); }, [&](auto... token) { return r.async_recv_line(limit, token...); });
}

template <class Reader>
outcome<bytes> recv_all(style s, Reader& r, until limit = {})
{
    return call<bytes>(
        s, [&] { return r.recv_all(limit); }, [&](auto... token) { return r.async_recv_all(limit, token...); });
}

template <class Writer>
outcome<std::size_t> send(style s, Writer& w, const buffers& data, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<std::size_t>(
        s, [&] { return w.send(data, limit); }, [&](auto... token) { return w.async_send(data, limit, token...); },
        slot);
}

} // namespace ferrule::testing::kit
