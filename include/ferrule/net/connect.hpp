// Connects to a listening socket or Windows named pipe.
#pragma once

#include <ferrule/detail/accepted.hpp>
#include <ferrule/detail/connection_options.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/address.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace ferrule {

namespace detail {

struct connect_settings {
    tcp_settings tcp;
    std::chrono::milliseconds wait_for_listener{0};
    std::chrono::milliseconds attempt_delay{250};
    std::optional<address> local;
    bool same_user = false;
};

/// What every class of options for connecting has.
template <class Options>
class basic_connect_options : public tcp_options<Options, connect_settings> {
public:
    /// How long to retry while there is no listener. Default: no retry.
    Options& wait_for_listener(std::chrono::milliseconds d) noexcept
    {
        this->settings_.wait_for_listener = d;
        return this->self();
    }
    /// A host may have several addresses. They are tried in turn, IPv6 and IPv4 alternating (RFC 8305). The next one
    /// begins when the one before has failed or has not answered for this long; the first to answer wins, and the
    /// others are closed. Default: 250 ms.
    Options& attempt_delay(std::chrono::milliseconds d) noexcept
    {
        this->settings_.attempt_delay = d;
        return this->self();
    }
    /// Requires that the listener's process belongs to this user, as the system reports; otherwise
    /// `errc::unauthenticated`. It admits all programs of this user.
    /// Platform: unix sockets and Windows pipes only; `errc::unsupported` elsewhere.
    Options& same_user(bool on = true) noexcept
    {
        this->settings_.same_user = on;
        return this->self();
    }
    /// The address from which to connect, such as `tcp://192.0.2.1:0`. The host must be a number; port 0 lets the system
    /// choose. For a unix socket it is the path or the name that the listener sees. Of the addresses of a host only those of
    /// its family are tried; if there is none, connecting fails with `errc::invalid_argument`. Default: the system chooses.
    Options& local(address from)
    {
        this->settings_.local = std::move(from);
        return this->self();
    }
};

} // namespace detail

/// Options of `connect`, written in place: `connect_options().wait_for_listener(5s).no_delay(false)`.
class connect_options : public detail::basic_connect_options<connect_options> {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    connect_options() = default;
};

namespace detail {

/// Starts to connect. See src/net/connector.hpp.
[[nodiscard]] FERRULE_EXPORT descriptor start_connecting(const address& to, const connect_options& o,
                                                         std::shared_ptr<accept_queue>& q);

/// A reader of one connection, which is a `duplex` if `Framing` is void.
template <class Framing, class... FramingAndLimits>
message_reader<accepted<Framing>> connecting(const address& to, const connect_options& o, FramingAndLimits... rest)
{
    return connections<Framing>([&](auto& q) { return start_connecting(to, o, q); }, std::move(rest)...);
}

} // namespace detail

/// Connects, or opens the serial port of a `serial:` address. Blocks until the peer's system has accepted the connection or `timeout` has passed, which covers looking up
/// a host name as well. A thread of its own looks the name up, and ends when the system has answered.
/// Throws: `error` with the system's error or `boost::asio::error::host_not_found`; `timeout_error`, `cancelled_error`,
/// `usage_error` for an impossible address, and for `tls://` (see `tls::connect`). The text names the address, and the
/// failure of each address of a host.
///
///     duplex engine = connect("tcp://example.org:5025", 2s);
///     message_duplex<lines> instrument = connect("tcp://10.0.0.7:5025", lines(), 2s);
[[nodiscard]] FERRULE_EXPORT duplex connect(const address& to, const connect_options& o = {},
                                            const until& timeout = {});
[[nodiscard]] inline duplex connect(const address& to, const until& timeout)
{
    return connect(to, connect_options(), timeout);
}
/// Returns a closed endpoint on error.
FERRULE_EXPORT duplex connect(const address& to, const connect_options& o, const until& timeout,
                              error_code& ec) noexcept;

/// Connects, and speaks in messages of `f`, of which each is within `l`. Otherwise the same.
template <framing Framing>
[[nodiscard]] message_duplex<Framing> connect(const address& to, Framing f, const connect_options& o = {},
                                              const until& timeout = {}, const limits& l = {})
{
    return message_duplex<Framing>(connect(to, o, timeout), std::move(f), l);
}
template <framing Framing>
[[nodiscard]] message_duplex<Framing> connect(const address& to, Framing f, const until& timeout, const limits& l = {})
{
    return connect(to, std::move(f), connect_options(), timeout, l);
}
template <framing Framing>
message_duplex<Framing> connect(const address& to, Framing f, const connect_options& o, const until& timeout,
                                error_code& ec, const limits& l = {})
{
    return message_duplex<Framing>(connect(to, o, timeout, ec), std::move(f), l);
}

/// `async_connect(address [, options] [, timeout] [, token])` completes with the `duplex`. Defined in
/// <ferrule/asio.hpp>. Exceptions have the same text as those of `connect`; an `error_code` is that of the first address.
/// Cancellation: the connection is given up.
template <detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, const connect_options& o, TimeoutAndToken&&... timeout_and_token)
{
    return detail::connecting<void>(to, o).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, connect_options(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
/// `async_connect(address, framing [, options [, limits]] [, timeout] [, token])` completes with the `message_duplex`.
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, Framing f, const connect_options& o, const limits& l,
                   TimeoutAndToken&&... timeout_and_token)
{
    return detail::connecting<Framing>(to, o, std::move(f), l)
        .async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, Framing f, const connect_options& o, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, std::move(f), o, limits(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, Framing f, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, std::move(f), connect_options(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule
