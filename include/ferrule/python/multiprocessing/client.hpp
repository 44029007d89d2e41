// Python's Client: connects to a listener of multiprocessing.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/python/multiprocessing/authentication.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ferrule::python {

/// Options of `connect`: those of `ferrule::connect`, and the key. They are written in place: `connect(to, connect_options().authkey(key), 2s)`.
class connect_options : public ferrule::detail::basic_connect_options<connect_options> {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    connect_options() = default;

    /// The key that both ends know. Empty (the default): no handshake, as in Python.
    connect_options& authkey(std::string key)
    {
        authkey_ = std::move(key);
        return *this;
    }
    /// The weakest digest accepted, see `handshake`. Default: `md5` where the peer can only be on this machine, else
    /// `sha256`.
    connect_options& min_digest(digest d) noexcept
    {
        min_digest_ = d;
        return *this;
    }
    [[nodiscard]] const std::string& authkey() const noexcept { return authkey_; }
    [[nodiscard]] std::optional<digest> min_digest() const noexcept { return min_digest_; }

private:
    std::string authkey_;
    std::optional<digest> min_digest_;
};

namespace detail {

using ferrule::detail::accept_queue;

/// Starts to connect. See src/net/connector.hpp.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor start_connecting(const address& to, const connect_options& o,
                                                                         std::shared_ptr<accept_queue>& q);

template <framing Framing>
message_reader<ferrule::detail::accepted<Framing>> connecting(const address& to, const connect_options& o, Framing f,
                                                              const limits& l)
{
    return ferrule::detail::connections<Framing>([&](auto& q) { return start_connecting(to, o, q); }, std::move(f), l);
}

} // namespace detail

/// Connects as `multiprocessing.connection.Client` does. If there is a key, both ends prove that they know it. Blocks
/// until the handshake is done or `timeout` has passed. A host name is looked up by a thread of its own, which ends
/// when the system has answered.
/// Throws: `error` with the system's error, `boost::asio::error::host_not_found`, `errc::unauthenticated`,
/// `errc::timed_out`, or `errc::end_of_stream` if the listener has closed the connection.
template <framing Framing = multiprocessing>
message_duplex<Framing> connect(const address& to, const connect_options& o = {}, const until& timeout = {},
                                Framing f = {}, const limits& l = {})
{
    return detail::connecting(to, o, std::move(f), l).recv(timeout);
}
/// Returns a closed connection on error.
template <framing Framing = multiprocessing>
message_duplex<Framing> connect(const address& to, const connect_options& o, const until& timeout, error_code& ec,
                                Framing f = {}, const limits& l = {})
{
    try {
        return detail::connecting(to, o, std::move(f), l).recv(timeout, ec);
    } catch (...) {
        ec = ferrule::detail::thrown_code();
        return {};
    }
}

/// `async_connect(address, options [, framing, limits] [, timeout] [, token])` completes with the connection. Defined in
/// <ferrule/asio.hpp>. Cancellation: the connection is given up.
template <framing Framing, ferrule::detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, const connect_options& o, Framing f, const limits& l,
                   TimeoutAndToken&&... timeout_and_token)
{
    return detail::connecting(to, o, std::move(f), l).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <framing Framing = multiprocessing, ferrule::detail::no_connect_argument... TimeoutAndToken>
auto async_connect(const address& to, const connect_options& o, TimeoutAndToken&&... timeout_and_token)
{
    return async_connect(to, o, Framing(), limits(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule::python
