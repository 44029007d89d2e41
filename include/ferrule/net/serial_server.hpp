// Exports serial ports to the network.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/detail/pending_call.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/net/serial_port.hpp>

#include <memory>
#include <utility>

namespace ferrule {

namespace detail {

[[nodiscard]] FERRULE_EXPORT channel_ptr begin_serving(duplex peer, serial_port port,
                                                       std::shared_ptr<serial_outcome> o);

[[nodiscard]] inline pending_call<serial_result<void>> serving(duplex peer, serial_port port)
{
    auto r = std::make_shared<serial_result<void>>();
    return {begin_serving(std::move(peer), std::move(port), r), r};
}

} // namespace detail

/// Serves a client by RFC 2217: passes the bytes of `port` and does what the client asks of it, in the order in which both
/// arrive. `port` may be of any kind. What it cannot do is answered with the state as it is, so that the client knows.
/// A client that speaks telnet without RFC 2217 gets the bytes.
///
/// Blocks until the client has gone, which is a success, or `timeout` has passed or is cancelled. What the client has sent
/// goes to the port nevertheless, for up to 5 s. A port that takes nothing is waited for, and so the end of a client is not
/// seen behind more than 64 KiB of its data. The client is closed in the end. The port stays open, with the settings that
/// the client has left. Nobody else should receive or send at the port meanwhile. One client at a time: another one is told
/// "Port already in use", and the call fails with `serial_errc::port_in_use` when that client has gone, or after a second.
///
/// Throws: `timeout_error`, `cancelled_error`; what the calls of the port throw, such as `error` with EIO when it vanishes.
/// Thread safety: any thread or coroutine may call it at any time.
///
///     serial_port meter("/dev/ttyUSB0");
///     server exported("tcp://[::]:4001", [&](duplex client) { serve_serial_port(std::move(client), meter); });
///     exported.serve();
inline void serve_serial_port(duplex client, serial_port port, const until& timeout = {})
{
    detail::serving(std::move(client), std::move(port)).wait(timeout);
}
inline void serve_serial_port(duplex client, serial_port port, const until& timeout, error_code& ec)
{
    try {
        detail::serving(std::move(client), std::move(port)).wait(timeout, ec);
    } catch (...) {
        ec = detail::thrown_code();
    }
}
/// `async_serve_serial_port(client, port [, timeout] [, token])` completes with `void(error_code)`. Defined in
/// <ferrule/asio.hpp>. Cancellation: the client is closed.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_serve_serial_port(duplex client, serial_port port, TimeoutAndToken&&... timeout_and_token)
{
    return detail::serving(std::move(client), std::move(port))
        .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule
