// Runs a coroutine for each connection of a listener.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/net/server.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

namespace ferrule {

/// Options of `async_server`, written in place: `async_server_options().max_connections(1000)`.
class async_server_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    async_server_options() = default;

    /// How many connections are served at a time, at least 1. Others wait in the queue of the system. Default: no limit.
    async_server_options& max_connections(std::size_t n) noexcept
    {
        max_connections_ = std::max<std::size_t>(n, 1);
        return *this;
    }
    /// See `server_options::on_error`.
    async_server_options& on_error(std::function<void(std::exception_ptr)> f)
    {
        on_error_ = std::move(f);
        return *this;
    }

    [[nodiscard]] std::size_t max_connections() const noexcept { return max_connections_; }
    [[nodiscard]] const std::function<void(std::exception_ptr)>& on_error() const noexcept { return on_error_; }

private:
    std::size_t max_connections_ = std::numeric_limits<std::size_t>::max();
    std::function<void(std::exception_ptr)> on_error_;
};

/// Runs a coroutine for each connection, on an executor of the caller. It starts no thread.
///
/// A connection is closed when its session has ended. An exception ends its session alone. Each session is one
/// coroutine on the executor; where several threads run that, one that does several things at once needs a strand of its
/// own, as everywhere in Asio.
///
/// `Listener` is a `listener` or `python::listener`. An address makes a `listener` of bytes.
/// Thread safety: any thread may call any member at any time. The destructor, too, may run beside sessions.
///
///     asio::awaitable<void> echo(duplex peer)
///     {
///         for (;;) // until the end, which is an eof_error
///             co_await peer.async_send(co_await peer.async_recv());
///     }
///
///     asio::io_context context;
///     async_server server(context.get_executor(), "tcp://127.0.0.1:5025", echo);
///     context.run();
template <class Listener = listener<>>
class async_server : public detail::basic_server<Listener> {
public:
    using typename detail::basic_server<Listener>::connection_type;

    /// Begins to serve as soon as the context of `ex` runs.
    template <std::invocable<typename Listener::connection_type> Session>
    async_server(boost::asio::any_io_executor ex, Listener l, Session session, const async_server_options& o = {})
        : detail::basic_server<Listener>(std::move(l), o.on_error()),
          loop_(std::make_shared<loop>(std::move(ex), this->listener_, this->sessions_, std::move(session),
                                       o.max_connections()))
    {
        loop_->accept(loop_);
    }
    // The address comes first, so that a session for another listener is not even looked at.
    template <std::convertible_to<ferrule::address> Address, std::invocable<typename Listener::connection_type> Session>
    async_server(boost::asio::any_io_executor ex, const Address& at, Session session,
                 const async_server_options& o = {})
        : async_server(std::move(ex), Listener(ferrule::address(at)), std::move(session), o)
    {
    }
    /// Closes all connections. Sessions find them closed when their context runs.
    ~async_server() { this->close(deadline::now()); }

    /// `co_await async_close([timeout])`: as `close`, for coroutines.
    /// Cancellation: as the end of `timeout`.
    boost::asio::awaitable<std::size_t> async_close(until timeout = {})
    {
        this->stop();
        return finish(this->sessions_, std::move(timeout));
    }

private:
    using list = detail::session_list<connection_type>;
    using session_type = std::function<boost::asio::awaitable<void>(connection_type)>;

    /// What accepts. The handlers keep it, and it keeps what they need.
    struct loop {
        loop(boost::asio::any_io_executor e, Listener l, std::shared_ptr<list> s, session_type f, std::size_t n)
            : ex(std::move(e)),
              listener(std::move(l)),
              sessions(std::move(s)),
              session(std::move(f)),
              max_connections(n)
        {
        }

        static void accept(const std::shared_ptr<loop>& self)
        {
            self->listener.async_accept(boost::asio::bind_executor(self->ex, [self](error_code ec, connection_type c) {
                if (ec == errc::closed)
                    return;
                if (ec)
                    self->sessions->report(std::make_exception_ptr(error(ec)));
                else
                    serve(self, std::move(c));
                if (self->sessions->has_room(self->max_connections))
                    accept(self);
            }));
        }

        static void serve(const std::shared_ptr<loop>& self, connection_type c)
        {
            const auto place = self->sessions->enter(c);
            if (!place)
                return;
            const auto left = std::make_shared<leaving>(self->sessions, *place);
            try {
                boost::asio::co_spawn(self->ex, self->session(std::move(c)),
                                      boost::asio::bind_executor(self->ex, [self, left](std::exception_ptr e) {
                                          left->now(e);
                                          if (self->sessions->wants_more())
                                              accept(self);
                                      }));
            } catch (...) { // it has not become a coroutine
                left->now(std::current_exception());
            }
        }

        boost::asio::any_io_executor ex;
        Listener listener;
        std::shared_ptr<list> sessions;
        session_type session;
        std::size_t max_connections;
    };

    /// Ends a session, also if the context ends before the session does.
    class leaving {
    public:
        leaving(std::shared_ptr<list> l, typename list::place p) : list_(std::move(l)), place_(p) {}
        leaving(const leaving&) = delete;
        leaving& operator=(const leaving&) = delete;
        ~leaving() { now({}); }
        void now(const std::exception_ptr& e)
        {
            if (const auto l = std::exchange(list_, nullptr))
                l->leave(place_, e);
        }

    private:
        std::shared_ptr<list> list_;
        typename list::place place_;
    };

    static boost::asio::awaitable<std::size_t> finish(std::shared_ptr<list> l, until timeout)
    {
        error_code ec;
        try {
            co_await l->idle().async_lock(timeout);
        } catch (const boost::system::system_error& e) {
            ec = e.code();
        }
        if (ec)
            co_return l->cut();
        l->idle().unlock();
        co_return 0;
    }

    std::shared_ptr<loop> loop_;
};

template <std::convertible_to<address> Address, class Session>
async_server(boost::asio::any_io_executor, const Address&, Session, const async_server_options& = {})
    -> async_server<listener<>>;
template <class Listener, std::invocable<typename Listener::connection_type> Session>
async_server(boost::asio::any_io_executor, Listener, Session, const async_server_options& = {})
    -> async_server<Listener>;

} // namespace ferrule
