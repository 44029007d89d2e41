// Runs a function for each connection of a listener.
#pragma once

#include <ferrule/cross_lock.hpp>
#include <ferrule/net/listener.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule {

namespace detail {

/// What a server reports. `f(exception)` is called on the thread of the session that has failed, and must not throw.
using session_failed = std::function<void(std::exception_ptr)>;

/// Whether a session may end with this exception: the peer has ended the connection where it may, or `closing`, and then
/// the session's calls were refused. Reports all others.
[[nodiscard]] FERRULE_EXPORT bool is_failure(const std::exception_ptr& e, bool closing) noexcept;

/// The sessions of a server, and how they end.
template <class Connection>
class session_list {
public:
    using place = typename std::list<Connection>::iterator;

    explicit session_list(session_failed f) : on_error_(std::move(f)) {}

    /// Begins a session, unless the server has stopped.
    std::optional<place> enter(const Connection& c)
    {
        const std::lock_guard guard(mutex_);
        if (stopped_)
            return std::nullopt;
        open_.push_front(c);
        if (open_.size() == 1)
            (void)idle_.try_lock(); // it is free, since only a server that has stopped waits for it
        return open_.begin();
    }
    /// Ends it, with the exception that has left the session, if there is one.
    void leave(place p, const std::exception_ptr& e = {})
    {
        p->close();
        if (e)
            report(e);
        const std::lock_guard guard(mutex_);
        open_.erase(p);
        if (open_.empty())
            idle_.unlock();
    }
    void report(const std::exception_ptr& e)
    {
        {
            const std::lock_guard guard(mutex_);
            if (!is_failure(e, cutting_))
                return;
            ++failed_;
        }
        if (on_error_)
            on_error_(e);
    }

    /// Whether there are fewer than `max` sessions. If not, `wants_more` tells when there are again, once.
    [[nodiscard]] bool has_room(std::size_t max)
    {
        const std::lock_guard guard(mutex_);
        is_full_ = open_.size() >= max;
        return !is_full_;
    }
    [[nodiscard]] bool wants_more()
    {
        const std::lock_guard guard(mutex_);
        return std::exchange(is_full_, false);
    }

    void stop()
    {
        const std::lock_guard guard(mutex_);
        stopped_ = true;
    }
    /// Closes the connections that are left, and returns how many they are.
    std::size_t cut()
    {
        std::vector<Connection> left;
        {
            const std::lock_guard guard(mutex_);
            cutting_ = true;
            left.assign(open_.begin(), open_.end());
        }
        for (Connection& c : left)
            c.close();
        return left.size();
    }
    /// Is held while there are sessions.
    [[nodiscard]] cross_lock& idle() noexcept { return idle_; }

    [[nodiscard]] std::vector<Connection> connections() const
    {
        const std::lock_guard guard(mutex_);
        return {open_.begin(), open_.end()};
    }
    [[nodiscard]] std::size_t size() const
    {
        const std::lock_guard guard(mutex_);
        return open_.size();
    }
    [[nodiscard]] std::size_t failed() const
    {
        const std::lock_guard guard(mutex_);
        return failed_;
    }

private:
    mutable std::mutex mutex_;
    std::list<Connection> open_;
    std::size_t failed_ = 0;
    bool stopped_ = false;
    bool is_full_ = false;
    bool cutting_ = false;
    cross_lock idle_;
    session_failed on_error_;
};

/// What every server has. Its parts outlive it, as long as a session runs.
template <class Listener>
class basic_server {
public:
    using connection_type = typename Listener::connection_type;

    basic_server(const basic_server&) = delete;
    basic_server& operator=(const basic_server&) = delete;

    /// Where it listens. See `listener`.
    [[nodiscard]] const ferrule::address& address() const noexcept { return listener_.address(); }
    [[nodiscard]] const std::vector<ferrule::address>& addresses() const noexcept { return listener_.addresses(); }
    /// The connections that are being served. They may be used, to send to all of them for instance, and be closed.
    [[nodiscard]] std::vector<connection_type> connections() const { return sessions_->connections(); }
    [[nodiscard]] std::size_t size() const { return sessions_->size(); }
    /// How many sessions have ended by an exception other than `eof_error`.
    [[nodiscard]] std::size_t failed() const { return sessions_->failed(); }

    /// Stops listening. Sessions go on.
    void stop() noexcept
    {
        sessions_->stop();
        listener_.close();
    }
    /// Stops listening, and blocks until all sessions have ended or `timeout` has passed or is cancelled. Closes the
    /// connections that are left then; their sessions find them closed. A session must not call it, unless with
    /// `deadline::now()`.
    /// Returns: how many were cut off.
    std::size_t close(const until& timeout = {})
    {
        stop();
        if (sessions_->idle().acquire(timeout))
            return sessions_->cut();
        sessions_->idle().unlock();
        return 0;
    }

protected:
    basic_server(Listener l, session_failed f)
        : listener_(std::move(l)),
          sessions_(std::make_shared<session_list<connection_type>>(std::move(f)))
    {
    }
    ~basic_server() = default;

    Listener listener_;
    std::shared_ptr<session_list<connection_type>> sessions_;
};

} // namespace detail

/// Options of `server`, written in place: `server_options().threads(8)`.
class server_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    server_options() = default;

    /// Threads that the server starts, each of which serves one connection at a time. Default: none, see `serve`.
    server_options& threads(std::size_t n) noexcept
    {
        threads_ = n;
        return *this;
    }
    /// Called when an exception has left a session, on its thread; the server goes on. It is not called for `eof_error`,
    /// which says that the peer has ended, nor for those whose connection the server has closed. `f` must not throw.
    /// Default: nothing but the count, `failed`.
    server_options& on_error(std::function<void(std::exception_ptr)> f)
    {
        on_error_ = std::move(f);
        return *this;
    }

    [[nodiscard]] std::size_t threads() const noexcept { return threads_; }
    [[nodiscard]] const std::function<void(std::exception_ptr)>& on_error() const noexcept { return on_error_; }

private:
    std::size_t threads_ = 0;
    std::function<void(std::exception_ptr)> on_error_;
};

/// Runs a function for each connection, on threads. For coroutines there is `async_server`.
///
/// A thread serves one connection at a time, and the next one waits in the queue of the system. So there are at most as
/// many connections as threads serve: those in `serve` and those of `server_options::threads`. A connection is closed
/// when its session has ended. An exception ends its session alone.
///
/// `Listener` is a `listener` or `python::listener`. An address or several make a `listener` of bytes.
/// Thread safety: any thread may call any member at any time.
///
///     server echo("tcp://127.0.0.1:5025", [](duplex peer) {
///         for (;;) // until the peer ends, which is an eof_error
///             peer.send(peer.recv());
///     });
///     echo.serve();
template <class Listener = listener<>>
class server : public detail::basic_server<Listener> {
public:
    using typename detail::basic_server<Listener>::connection_type;

    /// Starts the threads of the options. Throws `std::system_error` if the system has none.
    template <std::invocable<typename Listener::connection_type> Session>
    server(Listener l, Session session, const server_options& o = {})
        : detail::basic_server<Listener>(std::move(l), o.on_error()),
          session_(std::move(session))
    {
        static_assert(std::is_void_v<std::invoke_result_t<Session&, connection_type>>,
                      "a session returns void; for coroutines there is async_server");
        for (std::size_t i = 0; i < o.threads(); ++i)
            threads_.emplace_back([this] {
                try {
                    serve();
                } catch (...) {
                    this->sessions_->report(std::current_exception());
                }
            });
    }
    // The address comes first, so that a session for another listener is not even looked at.
    template <std::convertible_to<ferrule::address> Address, std::invocable<typename Listener::connection_type> Session>
    server(const Address& at, Session session, const server_options& o = {})
        : server(Listener(ferrule::address(at)), std::move(session), o)
    {
    }
    /// Closes all connections, and blocks until the sessions have ended.
    ~server() { this->close(deadline::now()); }

    /// Accepts and serves on the calling thread, one connection after the other. Several threads may call it. Blocks until
    /// the server stops, or `timeout` has passed or is cancelled; a session that has begun then goes on to its end.
    /// Throws: what `listener::accept` throws, but for the end of `timeout`.
    void serve(const until& timeout = {})
    {
        for (;;) {
            error_code ec;
            connection_type c = this->listener_.accept(timeout, ec);
            if (ec == errc::closed || ec == condition::timeout || ec == condition::cancelled)
                return;
            if (ec)
                throw_error(ec);
            run(std::move(c));
        }
    }

private:
    void run(connection_type c)
    {
        const auto place = this->sessions_->enter(c);
        if (!place)
            return; // it came while the server stopped
        try {
            session_(std::move(c));
            this->sessions_->leave(*place);
        } catch (...) {
            this->sessions_->leave(*place, std::current_exception());
        }
    }

    std::function<void(connection_type)> session_;
    std::vector<std::jthread> threads_; // first to be destroyed, which joins them
};

template <std::convertible_to<address> Address, class Session>
server(const Address&, Session, const server_options& = {}) -> server<listener<>>;

} // namespace ferrule
