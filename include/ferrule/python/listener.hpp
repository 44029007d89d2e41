// Python's Listener and Client: connections of multiprocessing between programs that are not related.
#pragma once

#include <ferrule/address.hpp>
#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/message.hpp>
#include <ferrule/python/authentication.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ferrule::python {

/// The address as Python has it: text (a path; with a leading NUL an abstract name; with two leading backslashes a pipe of
/// Windows), or a tuple (host, port). Throws
/// `usage_error` (`errc::invalid_argument`) for a path or a name that is not UTF-8.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value from_address(const address& a);
/// The reverse; abstract names may also be bytes. Throws `frame_error` (`errc::invalid_value`).
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT address to_address(const value& v);

/// How to connect, to be written where it is used: `connect(to, connect_options().authkey(key), 2s)`.
class connect_options {
public:
    // Declared, so that it is no aggregate; see <ferrule/asio.hpp>.
    connect_options() = default;

    /// What both ends know; empty (the default): no handshake, as in Python.
    connect_options& authkey(std::string key)
    {
        authkey_ = std::move(key);
        return *this;
    }
    /// See `handshake`. Default: `md5` where only this machine can be at the other end, else `sha256`.
    connect_options& least_digest(digest d) noexcept
    {
        least_digest_ = d;
        return *this;
    }
    /// For how long to try again where nobody listens yet. Default: not at all.
    connect_options& wait_for_listener(std::chrono::milliseconds d) noexcept
    {
        wait_for_listener_ = d;
        return *this;
    }
    /// Wants the listener's process to be of this user, as the system says; else `errc::unauthenticated`. Besides a key, not
    /// instead of one that has to keep out this user's own programs. Unix sockets and pipes only: `errc::unsupported` elsewhere.
    connect_options& same_user(bool on = true) noexcept
    {
        same_user_ = on;
        return *this;
    }

    [[nodiscard]] const std::string& authkey() const noexcept { return authkey_; }
    [[nodiscard]] std::optional<digest> least_digest() const noexcept { return least_digest_; }
    [[nodiscard]] std::chrono::milliseconds wait_for_listener() const noexcept { return wait_for_listener_; }
    [[nodiscard]] bool wants_same_user() const noexcept { return same_user_; }

private:
    std::string authkey_;
    std::optional<digest> least_digest_;
    std::chrono::milliseconds wait_for_listener_{0};
    bool same_user_ = false;
};

/// How to listen, in the same way: `listener_options().authkey(key).backlog(16)`.
class listener_options {
public:
    listener_options() = default;

    /// As above.
    listener_options& authkey(std::string key)
    {
        authkey_ = std::move(key);
        return *this;
    }
    listener_options& least_digest(digest d) noexcept
    {
        least_digest_ = d;
        return *this;
    }
    /// Connections that the system keeps until they are accepted; of a pipe it keeps one, whatever this says. Default: 128.
    listener_options& backlog(int n) noexcept
    {
        backlog_ = n;
        return *this;
    }
    /// Of each peer's handshake; who takes longer is dropped. Default: 10 s.
    listener_options& handshake_timeout(std::chrono::milliseconds d) noexcept
    {
        handshake_timeout_ = d;
        return *this;
    }
    /// Peers in the middle of their handshakes at the same time. One more, and the oldest of them is dropped: a crowd that says
    /// nothing keeps nobody out. Default: 64.
    listener_options& unauthenticated_at_most(std::size_t n) noexcept
    {
        unauthenticated_at_most_ = n;
        return *this;
    }
    /// Drops peers of other users; see `connect_options`.
    listener_options& same_user(bool on = true) noexcept
    {
        same_user_ = on;
        return *this;
    }
    /// Called with why a peer was dropped, in the thread that accepts. Also called while there are no descriptors, about ten times
    /// a second: the peer then waits with the system. Must not throw.
    listener_options& on_refused(std::function<void(const error&)> f)
    {
        on_refused_ = std::move(f);
        return *this;
    }

    [[nodiscard]] const std::string& authkey() const noexcept { return authkey_; }
    [[nodiscard]] std::optional<digest> least_digest() const noexcept { return least_digest_; }
    [[nodiscard]] int backlog() const noexcept { return backlog_; }
    [[nodiscard]] std::chrono::milliseconds handshake_timeout() const noexcept { return handshake_timeout_; }
    [[nodiscard]] std::size_t unauthenticated_at_most() const noexcept { return unauthenticated_at_most_; }
    [[nodiscard]] bool wants_same_user() const noexcept { return same_user_; }
    [[nodiscard]] const std::function<void(const error&)>& on_refused() const noexcept { return on_refused_; }

private:
    std::string authkey_;
    std::optional<digest> least_digest_;
    int backlog_ = 128;
    std::chrono::milliseconds handshake_timeout_{10'000};
    std::size_t unauthenticated_at_most_ = 64;
    bool same_user_ = false;
    std::function<void(const error&)> on_refused_;
};

namespace detail {

/// Connections that are ready, but not handed out.
class arrivals;
/// Takes the oldest. There is one for each byte of the stream.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor take(arrivals& a);

/// Ends of a stream of which each byte is a connection in `arrivals`: so waiting for a connection is waiting for a message.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor listen(address& at, bool any, const listener_options& o,
                                                               std::shared_ptr<arrivals>& a);
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor start_connecting(const address& to, const connect_options& o,
                                                                         std::shared_ptr<arrivals>& a);

template <framing Framing>
class arriving {
public:
    using message_type = message_duplex<Framing>;

    arriving(std::shared_ptr<arrivals> a, Framing f, const limits& l)
        : arrivals_(std::move(a)),
          framing_(std::move(f)),
          limits_(l)
    {
    }

    decode_result decode(byte_view buffered, const limits&) const noexcept
    {
        return buffered.empty() ? decode_result::need_more(1) : decode_result::frame(0, 1);
    }
    error_code encode(const message_type&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    message_type load(const bytes&) const { return message_type(take(*arrivals_), framing_, limits_); }

private:
    std::shared_ptr<arrivals> arrivals_;
    Framing framing_;
    limits limits_;
};

} // namespace detail

/// Accepts connections, as `multiprocessing.connection.Listener` does, from Python or from C++. Every member may be called by any
/// thread or coroutine at any time; they take turns. Handshakes go on side by side while somebody accepts, so that no peer
/// holds up another one, and what is wrong with a peer is not the listener's error.
///
///     python::listener listener(address::unix_path("/run/engine"), python::listener_options().authkey(key));
///     message_duplex<multiprocessing> peer = listener.accept();
template <framing Framing = multiprocessing>
class listener {
public:
    using connection_type = message_duplex<Framing>;

    /// At a unix socket of a new folder that nobody else may enter; both are removed in the end. On Windows at a pipe with a name
    /// that nobody can guess, for this user's processes.
    explicit listener(const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(ferrule::address::unix_path({}), true, o, std::move(f), l)
    {
    }
    /// Throws `error`: what the system says, such as "address already in use". The file of a unix socket is removed in the end.
    explicit listener(const ferrule::address& at, const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(at, false, o, std::move(f), l)
    {
    }

    /// Where it listens, with the port that the system has chosen.
    [[nodiscard]] const ferrule::address& address() const noexcept { return address_; }

    /// Blocks until a peer has connected and, if there is a key, shown that it knows it. Throws `timeout_error`,
    /// `cancelled_error` (then a peer that arrives is for the next call), `closed_error`. While the process has no descriptor left,
    /// nobody is accepted: see `listener_options::on_refused`.
    connection_type accept(const until& limit = {}) { return arriving_.recv(limit); }
    connection_type accept(const until& limit, error_code& ec) { return arriving_.recv(limit, ec); }
    /// A peer that is ready, else nothing. Does not wait.
    std::optional<connection_type> try_accept() { return arriving_.try_recv(); }
    /// `async_accept([limit] [, token])`: completes with the connection. Defined in <ferrule/asio.hpp>.
    template <ferrule::detail::limit_or_token... LimitAndToken>
    auto async_accept(LimitAndToken&&... limit_and_token)
    {
        return arriving_.async_recv(std::forward<LimitAndToken>(limit_and_token)...);
    }
    /// What an event loop of your own waits for before it calls `try_accept` again; see `endpoint::arm`.
    [[nodiscard]] readiness arm() const { return arriving_.arm(direction::read); }

    /// Whoever waits gets `errc::closed`. Peers that nobody has taken are closed.
    void close() noexcept { arriving_.close(); }

private:
    listener(const ferrule::address& at, bool any, const listener_options& o, Framing f, const limits& l) : address_(at)
    {
        std::shared_ptr<detail::arrivals> a;
        descriptor d = detail::listen(address_, any, o, a);
        arriving_ = reader_type(std::move(d), detail::arriving<Framing>(std::move(a), std::move(f), l));
    }

    using reader_type = message_reader<detail::arriving<Framing>>;

    ferrule::address address_;
    reader_type arriving_;
};

namespace detail {

template <framing Framing>
message_reader<arriving<Framing>> connecting(const address& to, const connect_options& o, Framing f, const limits& l)
{
    std::shared_ptr<arrivals> a;
    descriptor d = start_connecting(to, o, a);
    return message_reader<arriving<Framing>>(std::move(d), arriving<Framing>(std::move(a), std::move(f), l));
}

} // namespace detail

/// Connects, as `multiprocessing.connection.Client` does, and shows the listener that it knows the key, as the listener does.
/// Blocks until then, or until `limit`, which covers all of it. The name of a host, other than a number, is looked up by a thread that ends when the system knows.
/// Throws `error`: what the system says, `boost::asio::error::host_not_found`, `errc::unauthenticated`, `errc::timed_out`,
/// `errc::end_of_stream` (the listener has hung up).
template <framing Framing = multiprocessing>
message_duplex<Framing> connect(const address& to, const connect_options& o = {}, const until& limit = {},
                                Framing f = {}, const limits& l = {})
{
    return detail::connecting(to, o, std::move(f), l).recv(limit);
}
/// A closed connection on error.
template <framing Framing = multiprocessing>
message_duplex<Framing> connect(const address& to, const connect_options& o, const until& limit, error_code& ec,
                                Framing f = {}, const limits& l = {})
{
    try {
        return detail::connecting(to, o, std::move(f), l).recv(limit, ec);
    } catch (...) {
        ec = ferrule::detail::thrown_code();
        return {};
    }
}

/// `async_connect<Framing>(address, options [, limit] [, token])`. Defined in <ferrule/asio.hpp>.
template <framing Framing = multiprocessing, ferrule::detail::limit_or_token... LimitAndToken>
auto async_connect(const address& to, const connect_options& o, LimitAndToken&&... limit_and_token)
{
    return detail::connecting(to, o, Framing(), limits()).async_recv(std::forward<LimitAndToken>(limit_and_token)...);
}

} // namespace ferrule::python
