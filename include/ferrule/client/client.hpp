// A client of one instrument, which connects when it must.
#pragma once

#include <ferrule/client/call.hpp>
#include <ferrule/client/connector.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace ferrule {

/// When a client connects by itself.
class reconnect {
public:
    /// Only `client::open` connects.
    [[nodiscard]] static reconnect never() noexcept { return reconnect(kind::never); }
    /// A call that needs a connection tries once. A call may lose its connection before its request has left, and then
    /// tries once more.
    [[nodiscard]] static reconnect once() noexcept { return reconnect(kind::once); }
    /// A call tries until it succeeds, its own timeout ends, or `deadline` has passed since its first failure. The pause
    /// after a failure is `base` (at least 1 ms), then doubles up to `cap`. Each pause is shortened by a random part of
    /// up to `jitter` (0 to 1), so that many clients do not return at once. Mistakes of the caller and certificates that
    /// are refused end the call immediately.
    [[nodiscard]] static reconnect
    retry(std::chrono::milliseconds base = std::chrono::milliseconds(100),
          std::chrono::milliseconds cap = std::chrono::seconds(10), double jitter = 0.5,
          std::chrono::milliseconds deadline = std::chrono::milliseconds::max()) noexcept;

    enum class kind : unsigned char { never, once, retry };
    [[nodiscard]] kind what() const noexcept { return kind_; }
    [[nodiscard]] std::chrono::milliseconds base() const noexcept { return base_; }
    [[nodiscard]] std::chrono::milliseconds cap() const noexcept { return cap_; }
    [[nodiscard]] double jitter() const noexcept { return jitter_; }
    [[nodiscard]] std::chrono::milliseconds deadline() const noexcept { return deadline_; }

private:
    explicit reconnect(kind k) noexcept : kind_(k) {}

    kind kind_;
    std::chrono::milliseconds base_{0};
    std::chrono::milliseconds cap_{0};
    double jitter_ = 0;
    std::chrono::milliseconds deadline_{0};
};

/// The new connection, for `client_options::on_connected`. Its calls do not wait for a turn, since the call that connects
/// has it, and are bounded by the timeout of that call as well. When the function has returned, they fail with
/// `errc::closed`.
class client_session : public detail::call_functions<client_session> {
public:
    /// For other parts of ferrule.
    explicit client_session(detail::caller by) noexcept : by_(std::move(by)) {}
    /// The connection itself, for what calls cannot do; `serial_port(session.connection())` has the settings of a line.
    [[nodiscard]] FERRULE_EXPORT duplex connection() const;
    [[nodiscard]] const detail::caller& as_caller() const noexcept { return by_; }

private:
    detail::caller by_;
};

namespace detail {

/// A coroutine for `on_connected`.
class connected_coroutine;

} // namespace detail

/// Options of `client`, written in place: `client_options().timeout(2s).end_of_line("\r\n")`.
///
/// The functions are called by the thread that makes the call, while other calls wait. They must not call the client, but
/// a session may be used.
class client_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    client_options() = default;

    /// Default: `reconnect::once()`.
    client_options& reconnect(ferrule::reconnect r) noexcept
    {
        reconnect_ = r;
        return *this;
    }
    /// For each call that states no timeout. Default: none.
    client_options& timeout(std::chrono::milliseconds d) noexcept
    {
        timeout_ = d;
        return *this;
    }
    /// For each attempt to connect, in addition to the timeout of the call. Default: none.
    client_options& connect_timeout(std::chrono::milliseconds d) noexcept
    {
        connect_timeout_ = d;
        return *this;
    }
    /// Default: "\n".
    client_options& end_of_line(line_end e)
    {
        end_of_line_ = std::move(e);
        return *this;
    }
    /// The limit of a line, and of `read_lines` and `read_all` as a whole.
    client_options& limits(const ferrule::limits& l) noexcept
    {
        limits_ = l;
        return *this;
    }
    /// How many requests may be under way at once, at least 1. Beyond 1, a call that sends and receives lets the next send
    /// as soon as its own request has left; the replies are received in the same order. The instrument must be able to
    /// queue commands. If one of these calls fails, all that are under way fail with it, and none is repeated. Input is
    /// not looked at before a request while replies are to come. Default: 1.
    client_options& pipeline(std::size_t n) noexcept
    {
        pipeline_ = std::max<std::size_t>(n, 1);
        return *this;
    }
    /// Called on each new connection, before the call that has connected goes on; to configure the instrument, or to
    /// read its greeting. If it throws, the connection is closed, and the attempt to connect has failed with that
    /// exception.
    client_options& on_connected(std::function<void(client_session)> f)
    {
        connected_ = std::move(f);
        connected_coroutine_ = nullptr;
        return *this;
    }
    /// The same for a coroutine, `asio::awaitable<void>(client_session)`. It runs on the executor of the call that
    /// connects; a blocking call runs it on its own thread. Defined in <ferrule/client/async_client.hpp>.
    template <class Coroutine>
    client_options& on_connected_async(Coroutine f);
    /// Called when a connection has ended, with the reason; without an error if this program has closed it. Must not
    /// throw.
    client_options& on_lost(std::function<void(error_code)> f)
    {
        lost_ = std::move(f);
        return *this;
    }
    /// The same for a coroutine, `asio::awaitable<void>(error_code)`, which is started on `ex` and not waited for. Defined
    /// in <ferrule/client/async_client.hpp>.
    template <class Executor, class Coroutine>
    client_options& on_lost(Executor ex, Coroutine f);
    /// Called when the peer has ended the connection, before `on_lost`. Must not throw.
    client_options& on_end(std::function<void()> f)
    {
        end_ = std::move(f);
        return *this;
    }
    /// The same for a coroutine, `asio::awaitable<void>()`, as with `on_lost`.
    template <class Executor, class Coroutine>
    client_options& on_end(Executor ex, Coroutine f);
    /// Called with input that nobody has asked for, before a request. Must not throw. Default: it is dropped.
    client_options& on_unsolicited(std::function<void(bytes)> f)
    {
        unsolicited_ = std::move(f);
        return *this;
    }

private:
    friend class detail::client_core;

    ferrule::reconnect reconnect_ = ferrule::reconnect::once();
    std::chrono::milliseconds timeout_ = std::chrono::milliseconds::max();
    std::chrono::milliseconds connect_timeout_ = std::chrono::milliseconds::max();
    line_end end_of_line_{"\n"};
    ferrule::limits limits_;
    std::size_t pipeline_ = 1;
    std::function<void(client_session)> connected_;
    std::shared_ptr<detail::connected_coroutine> connected_coroutine_;
    std::function<void(error_code)> lost_;
    std::function<void()> end_;
    std::function<void(bytes)> unsolicited_;
};

/// A client of one instrument. It connects at the first call, and again after a loss. Copies are handles to the same
/// client. The connection is closed by `close()`, or when the last handle is gone and its calls have ended.
///
/// Nothing watches the connection between calls, unless `async_watch` does. `connected()` looks whether the peer has ended
/// it, and so does each call before it sends; the latter then connects anew.
/// Thread safety: any thread may call any member at any time.
///
///     client instrument("tcp://10.0.0.7:5025", client_options().timeout(2s));
///     std::cout << instrument.query("*IDN?").text() << '\n';
class FERRULE_EXPORT client : public detail::call_functions<client> {
public:
    /// Does not connect.
    explicit client(connector to, client_options o = {});
    template <std::convertible_to<connector> Connector>
    explicit client(const Connector& to, client_options o = {}) : client(connector(to), std::move(o))
    {
    }

    /// Connects now. Throws what `connect` throws, and `error` with `boost::system::errc::already_connected`.
    template <std::same_as<error_code>... Ec>
    void open(const call_options& how = {}, Ec&... ec)
    {
        (void)detail::make_call<bytes>(by_, how, [](detail::exchange& x) { x.open(); }, ec...);
    }
    /// `async_open([how] [, token])`
    template <detail::how_or_token... HowAndToken>
    auto async_open(HowAndToken&&... how_and_token);

    /// Closes the connection. All calls under way end with `errc::closed`, also those that wait for their turn or
    /// connect. The next call connects. Closing again does nothing.
    void close() noexcept;

    /// `co_await async_watch(interval)` looks every `interval` whether the peer has ended the connection, as `connected` does,
    /// so that `on_end` and `on_lost` are called in time. It goes on until it is cancelled, and keeps the client alive.
    /// Defined in <ferrule/client/async_client.hpp>.
    auto async_watch(std::chrono::milliseconds interval) const;
    /// The connection that there is, which is closed if there is none, for what calls cannot do. Whoever sends or receives on
    /// it himself must see to it that no call does.
    [[nodiscard]] duplex connection() const;

    /// Whether there is a connection. If no call is under way, looks whether the peer has ended it. Never waits.
    [[nodiscard]] bool connected() const;
    /// The number of bytes that have arrived and that no call has taken, while none is under way. Never waits.
    [[nodiscard]] std::size_t in_waiting() const;
    /// How many connections have been made.
    [[nodiscard]] std::uint64_t connections() const noexcept;
    /// Bytes of input that nobody had asked for.
    [[nodiscard]] std::uint64_t dropped() const noexcept;
    /// Of the connector.
    [[nodiscard]] const std::string& name() const noexcept;

    /// For other parts of ferrule.
    [[nodiscard]] const detail::caller& as_caller() const noexcept { return by_; }

private:
    detail::caller by_;
};

} // namespace ferrule
