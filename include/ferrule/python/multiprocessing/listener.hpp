// Python's Listener: accepts multiprocessing connections from unrelated programs.
#pragma once

#include <ferrule/detail/accepted.hpp>
#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/address.hpp>
#include <ferrule/python/multiprocessing/authentication.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ferrule::python {

/// Options of `listener`, written in place: `listener_options().authkey(key).backlog(16)`.
class listener_options {
public:
    listener_options() = default;

    /// The key and the weakest digest, as in `connect_options`.
    listener_options& authkey(std::string key)
    {
        authkey_ = std::move(key);
        return *this;
    }
    listener_options& min_digest(digest d) noexcept
    {
        min_digest_ = d;
        return *this;
    }
    /// Connections that the system queues until they are accepted. A pipe always queues one. Default: 128.
    listener_options& backlog(int n) noexcept
    {
        backlog_ = n;
        return *this;
    }
    /// Timeout of each peer's handshake; slower peers are dropped. Default: 10 s.
    listener_options& handshake_timeout(std::chrono::milliseconds d) noexcept
    {
        handshake_timeout_ = d;
        return *this;
    }
    /// Maximum number of concurrent handshakes. Beyond it the oldest is dropped, so that silent peers cannot block the
    /// listener. Default: 64.
    listener_options& max_handshakes(std::size_t n) noexcept
    {
        max_handshakes_ = n;
        return *this;
    }
    /// Drops peers of other users. See `connect_options::same_user`.
    listener_options& same_user(bool on = true) noexcept
    {
        same_user_ = on;
        return *this;
    }
    /// Called on the accepting thread when a peer is dropped, with the reason. It is also called about ten times a
    /// second while the process has no descriptor left. The peers then wait in the system's queue. `f` must not throw.
    listener_options& on_refused(std::function<void(const error&)> f)
    {
        on_refused_ = std::move(f);
        return *this;
    }

    [[nodiscard]] const std::string& authkey() const noexcept { return authkey_; }
    [[nodiscard]] std::optional<digest> min_digest() const noexcept { return min_digest_; }
    [[nodiscard]] int backlog() const noexcept { return backlog_; }
    [[nodiscard]] std::chrono::milliseconds handshake_timeout() const noexcept { return handshake_timeout_; }
    [[nodiscard]] std::size_t max_handshakes() const noexcept { return max_handshakes_; }
    [[nodiscard]] bool wants_same_user() const noexcept { return same_user_; }
    [[nodiscard]] const std::function<void(const error&)>& on_refused() const noexcept { return on_refused_; }

private:
    std::string authkey_;
    std::optional<digest> min_digest_;
    int backlog_ = 128;
    std::chrono::milliseconds handshake_timeout_{10'000};
    std::size_t max_handshakes_ = 64;
    bool same_user_ = false;
    std::function<void(const error&)> on_refused_;
};

namespace detail {

using ferrule::detail::accept_queue;

/// Starts to listen. See src/net/acceptor.hpp.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor listen(address& at, const listener_options& o,
                                                               std::shared_ptr<accept_queue>& q);
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor listen_anywhere(address& at, const listener_options& o,
                                                                        std::shared_ptr<accept_queue>& q);

} // namespace detail

/// Accepts connections from Python or C++, as `multiprocessing.connection.Listener` does. Handshakes proceed
/// concurrently while an accept waits, so a slow peer does not delay others. A failed handshake is not an error of the
/// listener.
/// Thread safety: any thread or coroutine may call any member at any time; accepts take turns.
///
///     python::listener listener(address::unix_path("/run/engine"), python::listener_options().authkey(key));
///     message_duplex<multiprocessing> peer = listener.accept();
template <framing Framing = multiprocessing>
class listener {
public:
    using connection_type = message_duplex<Framing>;

    /// Listens on a unix socket in a new folder that only this user may enter. Closing the listener removes both.
    /// Platform: on Windows it listens on a pipe with an unpredictable name, for processes of this user.
    explicit listener(const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(ferrule::address::unix_path({}), &detail::listen_anywhere, o, std::move(f), l)
    {
    }
    /// Listens at `at`. Closing the listener removes the file of a unix socket. Throws `error` with the system's error,
    /// such as "address already in use".
    explicit listener(const ferrule::address& at, const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(at, &detail::listen, o, std::move(f), l)
    {
    }

    /// The address, with the port that the system has chosen.
    [[nodiscard]] const ferrule::address& address() const noexcept { return address_; }

    /// Blocks until a peer has connected and, if there is a key, has proved that it knows it.
    /// Throws: `timeout_error`, `cancelled_error`, `closed_error`. While the process has no descriptor left, no peer is
    /// accepted, see `listener_options::on_refused`.
    /// Cancellation: a peer that arrives later is returned by the next call.
    connection_type accept(const until& timeout = {}) { return accepted_.recv(timeout); }
    /// Returns a closed connection on error.
    connection_type accept(const until& timeout, error_code& ec) { return accepted_.recv(timeout, ec); }
    /// Returns a peer that is ready, or nothing. Never waits.
    std::optional<connection_type> try_accept() { return accepted_.try_recv(); }
    /// `async_accept([timeout] [, token])`: completes with the connection. Defined in <ferrule/asio.hpp>.
    template <ferrule::detail::timeout_or_token... TimeoutAndToken>
    auto async_accept(TimeoutAndToken&&... timeout_and_token)
    {
        return accepted_.async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }
    /// What your own event loop must wait for before it calls `try_accept` again. See `endpoint::arm`.
    [[nodiscard]] readiness arm() const { return accepted_.arm(direction::read); }

    /// Ends waiting calls with `errc::closed`, and closes peers that were not accepted.
    void close() noexcept { accepted_.close(); }

private:
    using listen_function = descriptor (*)(ferrule::address&, const listener_options&,
                                           std::shared_ptr<ferrule::detail::accept_queue>&);

    listener(const ferrule::address& at, listen_function listen, const listener_options& o, Framing f, const limits& l)
        : address_(at)
    {
        accepted_ =
            ferrule::detail::connections<Framing>([&](auto& q) { return listen(address_, o, q); }, std::move(f), l);
    }

    ferrule::address address_;
    message_reader<ferrule::detail::accepted<Framing>> accepted_;
};

} // namespace ferrule::python
