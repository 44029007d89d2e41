// Accepts connections.
#pragma once

#include <ferrule/detail/accepted.hpp>
#include <ferrule/detail/connection_options.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/address.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace ferrule {

namespace detail {

struct listen_settings : listening_settings {
    bool same_user = false;
    std::size_t max_handshakes = 64;
    std::chrono::milliseconds handshake_timeout{10'000};
    std::function<void(const error&)> on_refused;
};

/// What every class of options for listening has. Settings of TCP are those of accepted connections.
template <class Options>
class basic_listen_options : public tcp_options<Options, listen_settings> {
public:
    /// Connections that the system queues until they are accepted. A Windows pipe always queues one. Default: 128.
    Options& backlog(int n) noexcept { return set(&listen_settings::backlog, n); }
    /// Whether to listen although connections of an earlier listener at the port have not ended (SO_REUSEADDR). It is no
    /// way to share a port. TCP only. Default: true.
    /// Platform: on Windows it is always so.
    Options& reuse_address(bool on) noexcept { return set(&listen_settings::reuse_address, on); }
    /// Whether several listeners may have the same port, among which the system distributes connections (SO_REUSEPORT).
    /// All of them must set it. TCP only. Default: false.
    /// Platform: `errc::unsupported` on Windows.
    Options& reuse_port(bool on = true) noexcept { return set(&listen_settings::reuse_port, on); }
    /// Whether a listener at `tcp://[::]:port` leaves IPv4 alone. Otherwise it accepts IPv4 as well, whose peers have
    /// addresses such as ::ffff:192.0.2.1. Default: false.
    Options& only_ipv6(bool on = true) noexcept { return set(&listen_settings::only_ipv6, on); }
    /// The permissions of the file of a unix socket, such as 0660. Who may write to it can connect. Default: 0777 less
    /// the umask of the process.
    /// Platform: `errc::unsupported` on Windows.
    Options& permissions(unsigned mode) noexcept { return set(&listen_settings::permissions, mode); }
    /// Drops peers of other users. See `connect_options::same_user`.
    Options& same_user(bool on = true) noexcept { return set(&listen_settings::same_user, on); }
    /// Timeout of each peer's handshake, if there is one; slower peers are dropped. Default: 10 s.
    Options& handshake_timeout(std::chrono::milliseconds d) noexcept
    {
        return set(&listen_settings::handshake_timeout, d);
    }
    /// Maximum number of concurrent handshakes. Beyond it the oldest is dropped, so that silent peers cannot block the
    /// listener. Default: 64.
    Options& max_handshakes(std::size_t n) noexcept { return set(&listen_settings::max_handshakes, n); }
    /// Called on the accepting thread when a peer is dropped, with the reason. It is also called, once, when the process
    /// or the system has run out of descriptors or memory. Peers then wait in the system's queue; the listener tries
    /// again ten times a second. `f` must not throw.
    Options& on_refused(std::function<void(const error&)> f) { return set(&listen_settings::on_refused, std::move(f)); }

private:
    template <class Member, class Value>
    Options& set(Member member, Value value) noexcept
    {
        this->settings_.*member = std::move(value);
        return this->self();
    }
};

/// What every listener has.
template <class Framing>
class basic_listener {
public:
    /// `duplex`, or `message_duplex` with the framing.
    using connection_type = typename accepted<Framing>::message_type;

    /// Where it listens, with the port that the system has chosen.
    [[nodiscard]] const ferrule::address& address() const noexcept { return addresses_.front(); }
    /// The same if there are several. A host name may have more than one.
    [[nodiscard]] const std::vector<ferrule::address>& addresses() const noexcept { return addresses_; }

    /// Blocks until a peer has connected and has done the handshake, if there is one.
    /// Throws: `timeout_error`, `cancelled_error`, `closed_error`. While the process has no descriptor left, no peer is
    /// accepted; see `on_refused` of the options.
    /// Cancellation: a peer that arrives later is returned by the next call.
    connection_type accept(const until& timeout = {}) { return accepted_.recv(timeout); }
    /// Returns a closed connection on error.
    connection_type accept(const until& timeout, error_code& ec) { return accepted_.recv(timeout, ec); }
    /// Returns a peer that is ready, or nothing. Never waits.
    std::optional<connection_type> try_accept() { return accepted_.try_recv(); }
    /// `async_accept([timeout] [, token])`: completes with the connection. Defined in <ferrule/asio.hpp>.
    template <timeout_or_token... TimeoutAndToken>
    auto async_accept(TimeoutAndToken&&... timeout_and_token)
    {
        return accepted_.async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }
    /// What your own event loop must wait for before it calls `try_accept` again. See `endpoint::arm`.
    [[nodiscard]] readiness arm() const { return accepted_.arm(direction::read); }

    /// Ends waiting calls with `errc::closed`, stops listening, and closes peers that were not accepted.
    void close() noexcept { accepted_.close(); }

protected:
    /// `listen(addresses, queue)` starts to listen. See src/net/acceptor.hpp.
    template <class Listen, class... FramingAndLimits>
    basic_listener(std::vector<ferrule::address> at, Listen listen, FramingAndLimits... rest)
        : addresses_(std::move(at)),
          accepted_(connections<Framing>([&](auto& q) { return listen(addresses_, q); }, std::move(rest)...))
    {
    }

private:
    std::vector<ferrule::address> addresses_;
    message_reader<accepted<Framing>> accepted_;
};

} // namespace detail

/// Options of `listener`, written in place: `listen_options().permissions(0600).backlog(16)`.
class listen_options : public detail::basic_listen_options<listen_options> {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    listen_options() = default;
};

namespace detail {

[[nodiscard]] FERRULE_EXPORT descriptor listen(std::vector<address>& at, const listen_options& o,
                                               std::shared_ptr<accept_queue>& q);

inline auto listening_with(const listen_options& o)
{
    return [&o](std::vector<address>& at, std::shared_ptr<accept_queue>& q) { return listen(at, o, q); };
}

} // namespace detail

/// Listens, and accepts connections as `duplex`, or with a framing as `message_duplex`.
///
/// A listener at a unix socket replaces a file at which nobody listens any more, as after a crash. It removes its file
/// when it is closed, unless another has taken the place. A host name is looked up while the constructor blocks, and the
/// listener is at each of its addresses that this machine has. Where the port is 0, the system chooses one for all.
///
/// Constructors throw `error` with the system's error, such as "address already in use"; its text names the address.
/// Thread safety: any thread or coroutine may call any member at any time; accepts take turns.
///
///     listener here("tcp://127.0.0.1:5025");
///     duplex peer = here.accept();
///
///     listener lines_here({"tcp://[::]:5025", "unix:/run/engine"}, lines());
///     message_duplex<lines> instrument = co_await lines_here.async_accept();
template <class Framing = void>
class listener : public detail::basic_listener<Framing> {
public:
    /// Listens at `at` for peers that speak in messages of `f`, of which each is within `l`.
    listener(const ferrule::address& at, Framing f, const listen_options& o = {}, const limits& l = {})
        : listener(std::vector<ferrule::address>{at}, std::move(f), o, l)
    {
    }
    /// Listens at several addresses. If there is none, it listens at a new one that only processes of this user can
    /// reach: a unix socket in a folder of its own, or on Windows a pipe.
    listener(std::vector<ferrule::address> at, Framing f, const listen_options& o = {}, const limits& l = {})
        : detail::basic_listener<Framing>(std::move(at), detail::listening_with(o), std::move(f), l)
    {
    }
};

/// For connections of bytes.
template <>
class listener<void> : public detail::basic_listener<void> {
public:
    explicit listener(const ferrule::address& at, const listen_options& o = {})
        : listener(std::vector<ferrule::address>{at}, o)
    {
    }
    explicit listener(std::vector<ferrule::address> at, const listen_options& o = {})
        : detail::basic_listener<void>(std::move(at), detail::listening_with(o))
    {
    }
    /// Listens at a new address that only processes of this user can reach.
    explicit listener(const listen_options& o = {}) : listener(std::vector<ferrule::address>{}, o) {}
};

explicit listener(const address&, const listen_options& = {}) -> listener<void>;
explicit listener(std::vector<address>, const listen_options& = {}) -> listener<void>;
explicit listener(const listen_options& = {}) -> listener<void>;

} // namespace ferrule
