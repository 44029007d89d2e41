// Connecting and listening with TLS, and TLS from some point of a connection on (STARTTLS).
#pragma once

#include <ferrule/detail/accepted.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/platform/tls.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ferrule::tls {

/// What the ends of this connection have agreed on; nothing before the handshake is done. Never blocks. Thread-safe.
/// Throws: `closed_error`, `usage_error` (`errc::unsupported`) if the endpoint does not speak TLS itself.
[[nodiscard]] FERRULE_TLS_EXPORT std::optional<session> session_of(const endpoint& e);

/// Where to connect to, and the name that the server's certificate must have. An address, or text that is one, converts
/// to it: the name is the host then, and empty for addresses without a host.
class destination {
public:
    template <std::convertible_to<address> Address>
    destination(const Address& to) : where(to)
    {
        if (where.kind() == address::family::tls || where.kind() == address::family::tcp)
            name = where.name().substr(0, where.name().find('%')); // without the zone of an IPv6 address
    }
    destination(address to, std::string server_name) : where(std::move(to)), name(std::move(server_name)) {}

    address where;
    std::string name;
};

} // namespace ferrule::tls

namespace ferrule::detail {

/// A `duplex` as the message of a stream, with the limits of the one that it comes from.
class secured : public accepted_stream {
public:
    using message_type = duplex;

    secured(std::shared_ptr<accept_queue> q, const limits& l) noexcept : accepted_stream(std::move(q)), limits_(l) {}

    error_code encode(const duplex&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    duplex load(const bytes&) const { return duplex(next(), limits_); }

private:
    limits limits_;
};

[[nodiscard]] FERRULE_TLS_EXPORT message_reader<secured> starting_client(const duplex& plain, const tls::context& c,
                                                                         const std::string& server_name);
[[nodiscard]] FERRULE_TLS_EXPORT message_reader<secured> starting_server(const duplex& plain, const tls::context& c);

/// Starts to connect. See src/net/connector.hpp.
[[nodiscard]] FERRULE_TLS_EXPORT descriptor start_connecting(const tls::destination& to, const tls::context& c,
                                                             const connect_options& o,
                                                             std::shared_ptr<accept_queue>& q);

template <class Framing, class... FramingAndLimits>
message_reader<accepted<Framing>> connecting(const tls::destination& to, const tls::context& c,
                                             const connect_options& o, FramingAndLimits... rest)
{
    return connections<Framing>([&](auto& q) { return start_connecting(to, c, o, q); }, std::move(rest)...);
}

} // namespace ferrule::detail

namespace ferrule::tls {

/// Speaks TLS from here on, over a connection that has spoken in clear: returns the endpoint that does so, after the
/// handshake. `plain` and its copies are closed in any case but the first three errors. `message_duplex::as_bytes()`
/// gives the `duplex` behind messages. Blocks until the handshake is done or `timeout` has passed. `server_name` is that
/// of `tls::client`.
///
/// Throws: `errc::read_ahead` if bytes have been read that nobody has received. They came in clear, perhaps from an
/// attacker who wants them to be taken for encrypted ones. `errc::torn` if the rest of a frame has not left, `errc::busy`
/// if a call is under way. All three leave `plain` as it was; so does `usage_error` for what `tls::client` refuses.
/// `timeout_error`, `cancelled_error`, and the errors of `tls::category()`; the text names the server.
[[nodiscard]] FERRULE_TLS_EXPORT duplex start_client(const duplex& plain, const context& c,
                                                     const std::string& server_name, const until& timeout = {});
/// The same as a server.
[[nodiscard]] FERRULE_TLS_EXPORT duplex start_server(const duplex& plain, const context& c, const until& timeout = {});

/// `async_start_client(plain, context, server_name [, timeout] [, token])` completes with the `duplex`. What leaves
/// `plain` as it was is thrown by the call itself. Defined in <ferrule/asio.hpp>. Cancellation: the connection is closed.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_start_client(const duplex& plain, const context& c, const std::string& server_name,
                        TimeoutAndToken&&... timeout_and_token)
{
    return detail::starting_client(plain, c, server_name)
        .async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
/// The same as a server: `async_start_server(plain, context [, timeout] [, token])`.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_start_server(const duplex& plain, const context& c, TimeoutAndToken&&... timeout_and_token)
{
    return detail::starting_server(plain, c).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

/// Connects as `ferrule::connect` does, and then does the handshake. `timeout` covers both. `tcp://` and `tls://` are the
/// same here. Throws what these throw; the text names the address.
///
///     duplex web = tls::connect("tls://example.org:443", tls::context::client(), 5s);
///     duplex local = tls::connect({"unix:/run/engine", "engine.test"}, tls::context::client().trust("ca.pem"));
[[nodiscard]] FERRULE_TLS_EXPORT duplex connect(const destination& to, const context& c, const connect_options& o = {},
                                                const until& timeout = {});
[[nodiscard]] inline duplex connect(const destination& to, const context& c, const until& timeout)
{
    return connect(to, c, connect_options(), timeout);
}
/// Returns a closed endpoint on error.
FERRULE_TLS_EXPORT duplex connect(const destination& to, const context& c, const connect_options& o,
                                  const until& timeout, error_code& ec) noexcept;

/// Connects, and speaks in messages of `f`, of which each is within `l`. Otherwise the same.
template <framing Framing>
[[nodiscard]] message_duplex<Framing> connect(const destination& to, const context& c, Framing f,
                                              const connect_options& o = {}, const until& timeout = {},
                                              const limits& l = {})
{
    return message_duplex<Framing>(connect(to, c, o, timeout), std::move(f), l);
}
template <framing Framing>
[[nodiscard]] message_duplex<Framing> connect(const destination& to, const context& c, Framing f, const until& timeout,
                                              const limits& l = {})
{
    return connect(to, c, std::move(f), connect_options(), timeout, l);
}

/// `async_connect(destination, context [, options] [, timeout] [, token])` completes with the `duplex`. Defined in
/// <ferrule/asio.hpp>. Cancellation: the connection is given up.
template <detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const destination& to, const context& c, const connect_options& o,
                   TimeoutAndToken&&... timeout_and_token)
{
    return detail::connecting<void>(to, c, o).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const destination& to, const context& c, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, c, connect_options(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
/// `async_connect(destination, context, framing [, options [, limits]] [, timeout] [, token])` completes with the
/// `message_duplex`.
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const destination& to, const context& c, Framing f, const connect_options& o, const limits& l,
                   TimeoutAndToken&&... timeout_and_token)
{
    return detail::connecting<Framing>(to, c, o, std::move(f), l)
        .async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const destination& to, const context& c, Framing f, const connect_options& o,
                   TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, c, std::move(f), o, limits(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <framing Framing, detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const destination& to, const context& c, Framing f, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, c, std::move(f), connect_options(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule::tls

namespace ferrule::detail {

[[nodiscard]] FERRULE_TLS_EXPORT descriptor listen(std::vector<address>& at, const tls::context& c,
                                                   const listen_options& o, std::shared_ptr<accept_queue>& q);

inline auto listening_with(const tls::context& c, const listen_options& o)
{
    return [&c, &o](std::vector<address>& at, std::shared_ptr<accept_queue>& q) { return listen(at, c, o, q); };
}

} // namespace ferrule::detail

namespace ferrule::tls {

/// Listens, and accepts connections that have done the TLS handshake as a server. Handshakes proceed concurrently while
/// an accept waits; see `handshake_timeout` and `max_handshakes` of `listen_options`. A handshake that fails is not an
/// error of the listener; `on_refused` tells it. Otherwise it is as `ferrule::listener`, and a `server` takes it as well.
/// At `tls://` addresses it does the same as at `tcp://`; `address()` then says `tls://`, as `tls::connect` takes it.
///
///     tls::listener here("tls://0.0.0.0:443", tls::context::server("chain.pem", "key.pem"));
///     duplex peer = here.accept();
template <class Framing = void>
class listener : public detail::basic_listener<Framing> {
public:
    /// Listens at `at`, and speaks in messages of `f`, of which each is within `l`.
    listener(const ferrule::address& at, const context& c, Framing f, const listen_options& o = {},
             const limits& l = {})
        : listener(std::vector<ferrule::address>{at}, c, std::move(f), o, l)
    {
    }
    /// The same at several addresses.
    listener(std::vector<ferrule::address> at, const context& c, Framing f, const listen_options& o = {},
             const limits& l = {})
        : detail::basic_listener<Framing>(std::move(at), detail::listening_with(c, o), std::move(f), l)
    {
    }
};

/// For connections of bytes.
template <>
class listener<void> : public detail::basic_listener<void> {
public:
    listener(const ferrule::address& at, const context& c, const listen_options& o = {})
        : listener(std::vector<ferrule::address>{at}, c, o)
    {
    }
    listener(std::vector<ferrule::address> at, const context& c, const listen_options& o = {})
        : detail::basic_listener<void>(std::move(at), detail::listening_with(c, o))
    {
    }
};

listener(const address&, const context&, const listen_options& = {}) -> listener<void>;
listener(std::vector<address>, const context&, const listen_options& = {}) -> listener<void>;

} // namespace ferrule::tls
