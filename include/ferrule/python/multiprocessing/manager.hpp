// Objects that live in a Python manager, or in a C++ program that is one.
#pragma once

#include <ferrule/cross_lock.hpp>
#include <ferrule/python/convert.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/listener.hpp>

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

/// What a manager has answered. Throws `exception` for what it has raised.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value result_of(const value& reply);
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value request_of(const value& ident, std::string_view method,
                                                              const tuple& args, const dict& kwargs);

/// An object as managers and their clients name it.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value token_of(std::string_view type, const address& at,
                                                            std::string_view ident);

/// A connection on which calls take turns. A call that is given up leaves its answer to be skipped by the next one.
struct manager_session {
    explicit manager_session(message_duplex<multiprocessing> c, const multiprocessing& f)
        : requests(std::move(c)),
          answers(requests.with(multiprocessing_bytes())),
          framing(f)
    {
    }

    // The same connection. An answer arrives as bytes: it counts as one even if no value can be made of it.
    message_duplex<multiprocessing> requests;
    message_duplex<multiprocessing_bytes> answers;
    multiprocessing framing;
    cross_lock turn;
    std::size_t owed = 0; // answers that are to come: the last one is that of the call under way, if there is one
};

/// A call under way, with the turn that it has waited for.
class manager_turn {
public:
    explicit manager_turn(manager_session& s) noexcept : session_(s) {}
    manager_turn(const manager_turn&) = delete;
    manager_turn& operator=(const manager_turn&) = delete;
    /// A call that ends without a word, as where its coroutine is destroyed, may or may not be answered: nobody could tell
    /// whose answer comes next, so the connection is closed.
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
        if (e.in_flight()) // the rest leaves with the next request, and it will be answered
            ++session_.owed;
        is_certain_ = true;
    }
    /// Where the next answer begins is lost with one that is no frame, or a frame beyond the limit.
    void not_received(const error_code& ec) noexcept { is_certain_ = ec != errc::malformed && ec != errc::too_large; }
    /// One of the answers has come. True if it is that of this call.
    [[nodiscard]] bool is_answered() noexcept { return --session_.owed == 0; }

private:
    manager_session& session_;
    bool is_certain_ = false;
};

} // namespace detail

/// An object in a manager, by its methods. Copies are the same object. Every member may be called by any thread or coroutine at
/// any time; calls take turns.
///
/// The manager keeps the object until `release` is called as often as there are remotes that were created or received.
/// Destructors do not, since that would block.
class FERRULE_MULTIPROCESSING_EXPORT remote {
public:
    /// Calls a method and blocks until its result is here. Throws `exception` for what the method has raised, and what
    /// `send` and `recv` throw; after a timeout or a cancel the call may be under way there, and its result will be skipped.
    /// A result that is no value, or one beyond the limits of pickles, is `errc::invalid_value` or `errc::too_large`, and the
    /// next call works as any other. A message beyond the limits of a connection, or one that is none, closes it, and so does
    /// destroying a coroutine while its request is being sent: further calls throw `closed_error`.
    value call(std::string_view method, const tuple& args = {}, const dict& kwargs = {}, const until& limit = {});
    /// The same as a coroutine. Defined in <ferrule/python/async_manager.hpp>. g++ 12 does not compile braced arguments in a
    /// statement with `co_await`: name them before, as in `const tuple args{5, "x"};`.
    auto async_call(std::string method, tuple args = {}, dict kwargs = {}, until limit = {});
    /// A call with C++ types: `remote.get<double>("mean", std::vector{1.0, 2.0})`.
    template <class Result, class... Arguments>
    Result get(std::string_view method, const Arguments&... arguments)
    {
        return python::to<Result>(call(method, tuple{python::from(arguments)...}));
    }
    /// The manager need not keep the object for this one any longer.
    void release(const until& limit = {});

    /// The names of its methods, as far as the manager has told them.
    [[nodiscard]] const std::vector<std::string>& methods() const noexcept { return methods_; }
    /// The object as Python programs send it to each other.
    [[nodiscard]] value token() const;

private:
    friend class manager;

    remote(std::shared_ptr<const detail::manager_address> m, std::string type, std::string ident,
           std::vector<std::string> methods, const until& limit);

    std::shared_ptr<const detail::manager_address> manager_;
    std::shared_ptr<detail::manager_session> session_;
    std::string type_;
    std::string ident_;
    std::vector<std::string> methods_;
};

/// A client of a `multiprocessing.managers.BaseManager` that serves somewhere, in Python or in C++ (`manager_server`). Every member
/// may be called by any thread at any time. Blocking calls connect anew, as Python's do.
///
/// Source: Lib/multiprocessing/managers.py.
class FERRULE_MULTIPROCESSING_EXPORT manager {
public:
    /// Blocks until the manager has answered once. Throws as `connect` does. `f`: which names may be in what is sent.
    explicit manager(const address& at, const connect_options& o = {}, const multiprocessing& f = {},
                     const until& limit = {});

    /// Makes an object of a registered type.
    [[nodiscard]] remote create(std::string_view type, const tuple& args = {}, const dict& kwargs = {},
                                const until& limit = {}) const;
    /// An object of which the token was received, such as the result of a method. What a method returns as a proxy counts as
    /// created for whoever called it.
    [[nodiscard]] remote take(const value& token, const until& limit = {}) const;
    /// How many objects it keeps.
    [[nodiscard]] std::size_t size(const until& limit = {}) const;
    /// Asks the manager to end.
    void shutdown(const until& limit = {}) const;

private:
    std::shared_ptr<const detail::manager_address> address_;
};

} // namespace ferrule::python
