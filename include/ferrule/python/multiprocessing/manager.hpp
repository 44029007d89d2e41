// Objects in a Python manager, or in a C++ program that serves as one.
#pragma once

#include <ferrule/cross_lock.hpp>
#include <ferrule/python/convert.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/multiprocessing/client.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::python {

namespace detail {

struct manager_address {
    address at;
    connect_options options;
    multiprocessing framing;
};

/// The result in a manager's answer. Throws `exception` for an exception that the manager has raised.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value result_of(const value& reply);
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value request_of(const value& ident, std::string_view method,
                                                              const tuple& args, const dict& kwargs);

/// The token by which managers and their clients name an object.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value token_of(std::string_view type, const address& at,
                                                            std::string_view ident);

/// A connection on which calls take turns. The next call skips the answer of an abandoned one.
struct manager_session {
    explicit manager_session(message_duplex<multiprocessing> c, const multiprocessing& f)
        : requests(std::move(c)),
          answers(requests.with(multiprocessing_bytes())),
          framing(f)
    {
    }

    // Both use one connection. Answers arrive as bytes, so that one counts even if it holds no valid value.
    message_duplex<multiprocessing> requests;
    message_duplex<multiprocessing_bytes> answers;
    multiprocessing framing;
    cross_lock turn;
    std::size_t owed = 0; // answers to come; the last one belongs to the call under way, if there is one
};

/// A call under way, which holds the turn.
class manager_turn {
public:
    explicit manager_turn(manager_session& s) noexcept : session_(s) {}
    manager_turn(const manager_turn&) = delete;
    manager_turn& operator=(const manager_turn&) = delete;
    /// Closes the connection if the call ends without a report, for instance because its coroutine is destroyed. It may
    /// or may not be answered then, so later answers could not be matched to their calls.
    ~manager_turn()
    {
        if (!is_certain_)
            session_.requests.close();
        session_.turn.unlock();
    }

    void sent() noexcept
    {
        ++session_.owed;
        is_certain_ = true;
    }
    void not_sent(const error& e) noexcept
    {
        if (e.in_flight()) // the rest leaves with the next request, and is answered
            ++session_.owed;
        is_certain_ = true;
    }
    /// A malformed or oversized answer hides where the next one begins.
    void not_received(const error_code& ec) noexcept { is_certain_ = ec != errc::malformed && ec != errc::too_large; }
    /// Counts a received answer. Returns true if it belongs to this call.
    [[nodiscard]] bool is_answered() noexcept { return --session_.owed == 0; }

private:
    manager_session& session_;
    bool is_certain_ = false;
};

} // namespace detail

/// An object in a manager, by its methods. Copies refer to the same object.
///
/// The manager keeps the object until `release` is called once for each remote that was created or received.
/// Destructors do not release it, since that would block.
/// Thread safety: any thread or coroutine may call any member at any time; calls take turns.
class FERRULE_MULTIPROCESSING_EXPORT remote {
public:
    /// Calls a method and blocks until its result arrives or `timeout` has passed.
    /// Throws: `exception` for an exception of the method, and what `send` and `recv` throw. An invalid result is
    /// `errc::invalid_value`, and one beyond the limits of pickles is `errc::too_large`; later calls work. A message
    /// that is malformed or beyond the limit of the connection closes it. Later calls then throw `closed_error`.
    /// Cancellation: after a timeout or a cancel the method may still run, and its result is skipped. Destroying a
    /// coroutine while it sends its request closes the connection.
    value call(std::string_view method, const tuple& args = {}, const dict& kwargs = {}, const until& timeout = {});
    /// The call as a coroutine. Defined in <ferrule/python/multiprocessing/async_manager.hpp>. g++ 12 does not compile
    /// braced arguments in a statement with `co_await`, so name them first: `const tuple args{5, "x"};`.
    auto async_call(std::string method, tuple args = {}, dict kwargs = {}, until timeout = {});
    /// Calls a method with C++ types: `remote.get<double>("mean", std::vector{1.0, 2.0})`.
    template <class Result, class... Arguments>
    Result get(std::string_view method, const Arguments&... arguments)
    {
        return python::to<Result>(call(method, tuple{python::from(arguments)...}));
    }
    /// Tells the manager that this remote no longer needs the object. Blocks, and opens a connection of its own.
    void release(const until& timeout = {});

    /// The names of the methods, as reported by the manager.
    [[nodiscard]] const std::vector<std::string>& methods() const noexcept { return methods_; }
    /// The token of the object, which Python programs exchange.
    [[nodiscard]] value token() const;

private:
    friend class manager;

    remote(std::shared_ptr<const detail::manager_address> m, std::string type, std::string ident,
           std::vector<std::string> methods, const until& timeout);

    std::shared_ptr<const detail::manager_address> manager_;
    std::shared_ptr<detail::manager_session> session_;
    std::string type_;
    std::string ident_;
    std::vector<std::string> methods_;
};

/// A client of a `multiprocessing.managers.BaseManager` in Python, or of a `manager_server`. Each call opens a new
/// connection, as Python's calls do, and blocks until the manager has answered or `timeout` has passed.
/// Thread safety: any thread may call any member at any time.
///
/// Source: Lib/multiprocessing/managers.py.
class FERRULE_MULTIPROCESSING_EXPORT manager {
public:
    /// Blocks until the manager has answered once. Throws as `connect` does. `f` tells which names may be sent.
    explicit manager(const address& at, const connect_options& o = {}, const multiprocessing& f = {},
                     const until& timeout = {});

    /// Creates an object of a registered type.
    [[nodiscard]] remote create(std::string_view type, const tuple& args = {}, const dict& kwargs = {},
                                const until& timeout = {}) const;
    /// Makes a remote from a received token, such as the result of a method. A proxy returned by a method counts as
    /// created for the caller.
    [[nodiscard]] remote take(const value& token, const until& timeout = {}) const;
    /// The number of objects in the manager.
    [[nodiscard]] std::size_t size(const until& timeout = {}) const;
    /// Asks the manager to shut down.
    void shutdown(const until& timeout = {}) const;

private:
    std::shared_ptr<const detail::manager_address> address_;
};

} // namespace ferrule::python
