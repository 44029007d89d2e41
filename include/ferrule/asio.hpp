// The asynchronous calls. Include this header where `async_` functions are used; unlike the others, it includes Asio.
//
// g++ 12 destroys some temporaries of a statement with `co_await` twice. These are lambdas with captures that have a
// destructor, brace-built aggregates, and what `?:` selects. No parameter type of ferrule is such an aggregate, but
// yours may be. Name such temporaries first:
//
//     co_await people.async_send({"Ada", 36});                                          // wrong with g++ 12
//     const person ada{"Ada", 36};
//     co_await people.async_send(ada);                                                  // right
//
//     co_await in.with(progress<varint>([log](auto...) { log->tick(); }, {})).async_recv(); // wrong with g++ 12
//     const auto tick = [log](auto...) { log->tick(); };
//     co_await in.with(progress<varint>(tick, {})).async_recv();                            // right
//
// g++ 12 does not compile braced lists that become a `std::initializer_list` there. Examples are `python::list{1, 2}`
// and `boost::json::object{{"a", 1}}`. Name these as well.
//
// g++ 12 also loses a parameter of a coroutine that the condition of `if`, `while` or `switch` uses with `co_await`:
//
//     asio::awaitable<void> serve(duplex peer)
//     {
//         while (co_await peer.async_next_line()) ...                                   // wrong with g++ 12
//         while (const auto line = co_await peer.async_next_line()) ...                 // right
//
// An endpoint has no executor, so Asio's `cancel_after` (from Boost 1.86 on) needs a timer of yours:
// `cancel_after(timer, 2s, token)`. The timeout of the call itself costs less: `async_recv(2s, token)`.
//
// Operations that become ready together continue one after the other, in one handler of their context, and in several
// threads if it has them. So `run_one` may call up to 64 of your handlers, and after `stop` up to three more may run.
#pragma once

#include <ferrule/detail/async_core.hpp>
#include <ferrule/detail/pending_call.hpp>
#include <ferrule/message.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ferrule {
namespace detail {

namespace asio = boost::asio;

/// Winsock represents a socket as a number.
template <class Native, class Handle>
Native plain_handle(Handle h) noexcept
{
    if constexpr (std::is_pointer_v<Native> && !std::is_convertible_v<Handle, Native>)
        return reinterpret_cast<Native>(static_cast<std::uintptr_t>(h));
    else
        return h;
}

// Tools for the arguments `[timeout] [token]`.

template <class... TimeoutAndToken>
inline constexpr bool has_token = false;
template <class Argument>
inline constexpr bool has_token<Argument> = !std::convertible_to<Argument, until>;
template <class Limit, class Token>
inline constexpr bool has_token<Limit, Token> = true;

inline until timeout_of() noexcept
{
    return {};
}
template <class First, class... Rest>
until timeout_of(First&& first, Rest&&...)
{
    if constexpr (std::convertible_to<First, until>)
        return until(std::forward<First>(first));
    else
        return {};
}

/// Whether a token reports errors as exceptions, which are then ferrule's own.
template <class Token>
inline constexpr bool throws = false;
template <class Executor>
inline constexpr bool throws<asio::use_awaitable_t<Executor>> = true;
template <class Allocator>
inline constexpr bool throws<asio::use_future_t<Allocator>> = true;
template <class Token, class Executor>
inline constexpr bool throws<asio::executor_binder<Token, Executor>> = throws<Token>;
template <class Token, class Slot>
inline constexpr bool throws<asio::cancellation_slot_binder<Token, Slot>> = throws<Token>;
template <class Token, class Allocator>
inline constexpr bool throws<asio::allocator_binder<Token, Allocator>> = throws<Token>;

/// Whether a token's handler resumes the coroutine that makes the call.
template <class Token>
inline constexpr bool resumes_caller = false;
template <class Executor>
inline constexpr bool resumes_caller<asio::use_awaitable_t<Executor>> = true;
template <class Token>
inline constexpr bool resumes_caller<asio::as_tuple_t<Token>> = resumes_caller<Token>;
template <class Token>
inline constexpr bool resumes_caller<asio::redirect_error_t<Token>> = resumes_caller<Token>;
template <class Token, class Executor>
inline constexpr bool resumes_caller<asio::executor_binder<Token, Executor>> = resumes_caller<Token>;
template <class Token, class Slot>
inline constexpr bool resumes_caller<asio::cancellation_slot_binder<Token, Slot>> = resumes_caller<Token>;
template <class Token, class Allocator>
inline constexpr bool resumes_caller<asio::allocator_binder<Token, Allocator>> = resumes_caller<Token>;

/// The default that makes `associated_executor` reveal a handler without an executor.
class no_executor {};

// Conversions of the core's results.

class to_nothing {
public:
    void operator()(transfer_result&&) const noexcept {}
};
class to_bytes {
public:
    bytes operator()(transfer_result&& r) const noexcept { return std::move(r.data); }
};
class to_size {
public:
    std::size_t operator()(transfer_result&& r) const noexcept { return r.transferred; }
};
/// Applies to a failed send as well.
class to_sent : public to_size {};
/// The message that `Receiver` loads.
template <class Receiver>
class to_message {
public:
    explicit to_message(std::shared_ptr<Receiver> by) noexcept : by_(std::move(by)) {}
    auto operator()(transfer_result&& r) const { return by_->load(std::move(r.data)); }
    [[noreturn]] void raise(const error_code& ec) const
        requires detailed<Receiver>
    {
        detail::raise(by_, ec, {});
    }

private:
    std::shared_ptr<Receiver> by_;
};
/// The size of a received message, which `Receiver` restores in its place.
template <class Receiver>
class to_restored {
public:
    to_restored(std::shared_ptr<Receiver> by, bytes& message) noexcept : by_(std::move(by)), message_(&message) {}
    std::size_t operator()(transfer_result&&) const
    {
        *message_ = by_->load(std::move(*message_));
        return message_->size();
    }

private:
    std::shared_ptr<Receiver> by_;
    bytes* message_;
};
/// The result of a `pending_call`.
template <class Result>
class to_result {
public:
    explicit to_result(std::shared_ptr<Result> r) noexcept : result_(std::move(r)) {}
    auto operator()(transfer_result&&) const { return result_->take(); }
    [[noreturn]] void raise(const error_code& ec) const { result_->raise(ec); }

private:
    std::shared_ptr<Result> result_;
};
/// Nothing at the clean end of the stream.
template <class Convert>
class to_next {
public:
    explicit to_next(Convert c) noexcept : convert_(std::move(c)) {}
    auto operator()(transfer_result&& r) const
    {
        using value = decltype(convert_(std::move(r)));
        return r.ended ? std::optional<value>() : std::optional<value>(convert_(std::move(r)));
    }

private:
    Convert convert_;
};

/// A completion handler that passes on the core's result as converted by `Convert`, and an `Error`. `Error` is
/// `error_code` or `std::exception_ptr`. The handler keeps everything associated with the original.
template <class Handler, class Convert, class Error>
class converting_handler {
public:
    converting_handler(Handler h, Convert c) : handler(std::move(h)), convert_(std::move(c)) {}

    void operator()(error_code ec, transfer_result r)
    {
        using result = decltype(convert_(std::move(r)));
        std::exception_ptr thrown;
        if constexpr (std::is_void_v<result>) {
            if (ec)
                thrown = exception(ec, r);
            std::move(handler)(choose(ec, thrown));
        } else {
            result value{};
            try {
                if (ec)
                    thrown = exception(ec, r);
                if (!ec || r.taken || std::same_as<Convert, to_sent>)
                    value = convert_(std::move(r));
            } catch (...) {
                ec = thrown_code();
                thrown = std::current_exception();
            }
            std::move(handler)(choose(ec, thrown), std::move(value));
        }
    }

    Handler handler;

private:
    std::exception_ptr exception(const error_code& ec, const transfer_result& r) const
    {
        if constexpr (std::same_as<Error, std::exception_ptr>) {
            try {
                if constexpr (requires { convert_.raise(ec); })
                    convert_.raise(ec);
                else
                    r.raise(ec);
            } catch (...) {
                return std::current_exception();
            }
        }
        return nullptr;
    }
    static Error choose(const error_code& ec, std::exception_ptr& thrown)
    {
        if constexpr (std::same_as<Error, std::exception_ptr>)
            return std::move(thrown);
        else
            return ec;
    }

    Convert convert_;
};

/// Calls `begin(executor, handler, in_coroutine)` through the token, which is the last argument.
template <class Convert, class Begin, class... TimeoutAndToken>
auto by_token(Convert convert, Begin begin, TimeoutAndToken&&... timeout_and_token)
{
    constexpr std::size_t last = sizeof...(TimeoutAndToken) - 1;
    // A handler may be an rvalue that only moves.
    using token_type = std::tuple_element_t<last, std::tuple<TimeoutAndToken...>>;
    auto&& token = std::get<last>(std::forward_as_tuple(std::forward<TimeoutAndToken>(timeout_and_token)...));
    using failure = std::conditional_t<throws<std::remove_cvref_t<token_type>>, std::exception_ptr, error_code>;
    using result = decltype(convert(std::declval<transfer_result>()));
    constexpr bool in_coroutine = resumes_caller<std::remove_cvref_t<token_type>>;
    auto initiate = [convert = std::move(convert), begin = std::move(begin)](auto handler) mutable {
        using handler_type = decltype(handler);
        static_assert(!std::same_as<asio::associated_executor_t<handler_type, no_executor>, no_executor>,
                      "ferrule: this completion token has no executor, and an endpoint has none either. Write "
                      "boost::asio::bind_executor(context, token) to say where the handler runs.");
        converting_handler<handler_type, Convert, failure> converting(std::move(handler), std::move(convert));
        asio::any_io_executor executor;
        std::optional<completion> erased; // not assigned, which may throw inside a `noexcept` function of Asio
        try {
            executor = asio::get_associated_executor(converting);
            erased.emplace(std::move(converting)); // unchanged if this throws
        } catch (const std::bad_alloc&) {
            if constexpr (in_coroutine)
                return std::move(converting)(no_memory(), transfer_result());
            else
                throw;
        }
        begin(std::move(executor), *std::move(erased), in_coroutine);
    };
    if constexpr (std::is_void_v<result>)
        return asio::async_initiate<token_type, void(failure)>(std::move(initiate), token);
    else
        return asio::async_initiate<token_type, void(failure, result)>(std::move(initiate), token);
}

template <class Convert>
asio::awaitable<decltype(std::declval<Convert>()(std::declval<transfer_result>()))>
await_converted(channel_ptr c, read_request request, until timeout, Convert convert)
{
    if constexpr (requires(error_code ec) { convert.raise(ec); }) {
        error_code ec;
        try {
            co_return convert(co_await await_result(std::move(c), std::move(request), std::move(timeout)));
        } catch (const error& e) {
            ec = e.code();
        }
        convert.raise(ec);
    } else
        co_return convert(co_await await_result(std::move(c), std::move(request), std::move(timeout)));
}

/// A transfer whose result `Convert` makes. Without a token, the result is an awaitable.
template <class Convert, class Request, class... TimeoutAndToken>
    requires(!std::is_lvalue_reference_v<Request>)
auto async_transfer(const channel_ptr& c, Request&& request, Convert convert, TimeoutAndToken&&... timeout_and_token)
{
    until timeout = timeout_of(timeout_and_token...);
    if constexpr (has_token<TimeoutAndToken...>)
        return by_token(
            std::move(convert),
            [c, r = std::move(request), l = std::move(timeout)](asio::any_io_executor executor, completion handler,
                                                                bool in_coroutine) mutable {
                start(std::move(c), std::move(r), std::move(l), std::move(executor), std::move(handler), in_coroutine);
            },
            std::forward<TimeoutAndToken>(timeout_and_token)...);
    else if constexpr (std::same_as<Convert, to_bytes>)
        return await_bytes(c, std::move(request), std::move(timeout));
    else if constexpr (std::same_as<Convert, to_next<to_bytes>>)
        return await_next(c, std::move(request), std::move(timeout));
    else if constexpr (std::derived_from<Convert, to_size>)
        return await_size(c, std::move(request), std::move(timeout));
    else
        return await_converted(c, std::move(request), std::move(timeout), std::move(convert));
}

template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), read_request(read_request::what::some, SIZE_MAX), to_bytes(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv(std::size_t n, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), exactly(n), to_bytes(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_into(std::span<std::byte> buffer, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), into(read_request::what::into, buffer), to_size(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_some_into(std::span<std::byte> buffer, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), into(read_request::what::some_into, buffer), to_size(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_until(const separators& separator, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), separated(separator, false), to_bytes(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_line(TimeoutAndToken&&... timeout_and_token)
{
    return async_recv_line("\n", std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_line(const separators& end_of_line, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), separated(end_of_line, true), to_bytes(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_all(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), everything(), to_bytes(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_recv_until_silence(std::chrono::nanoseconds gap,
                                                    TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), silence_after(gap), to_bytes(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto send_functions<Self>::async_send(const buffers& data, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), lasting_request(data), to_sent(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto send_functions<Self>::async_send(bytes&& data, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), request(std::move(data)), to_sent(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto send_functions<Self>::async_flush(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), write_request(write_request::what::flush), to_sent(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto send_functions<Self>::async_shutdown_send(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), write_request(write_request::what::shutdown), to_sent(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_next_line(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), next_line_request(), to_next(to_bytes()),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self>
template <timeout_or_token... TimeoutAndToken>
auto recv_functions<Self>::async_take_partial(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(own(), read_request(read_request::what::partial), to_bytes(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
auto message_recv_functions<Self, Framing>::convert(const auto& by) const
{
    if constexpr (byte_framing<Framing> && !restoring_framing<Framing>)
        return to_bytes();
    else
        return to_message(by);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_recv_functions<Self, Framing>::async_recv(TimeoutAndToken&&... timeout_and_token)
{
    const auto& by = receiver();
    return async_transfer(self().channel(), lasting_request(by), convert(by),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_recv_functions<Self, Framing>::async_next(TimeoutAndToken&&... timeout_and_token)
{
    const auto& by = receiver();
    read_request r = lasting_request(by);
    r.end_is_nothing = true;
    return async_transfer(self().channel(), std::move(r), to_next(convert(by)),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
    requires byte_framing<Framing>
auto message_recv_functions<Self, Framing>::async_recv_into(message_type& message,
                                                            TimeoutAndToken&&... timeout_and_token)
{
    read_request r = lasting_request(state_);
    r.reuse = &message;
    if constexpr (restoring_framing<Framing>)
        return async_transfer(self().channel(), std::move(r), to_restored(state_, message),
                              std::forward<TimeoutAndToken>(timeout_and_token)...);
    else
        return async_transfer(self().channel(), std::move(r), to_size(),
                              std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_recv_functions<Self, Framing>::async_take_partial(TimeoutAndToken&&... timeout_and_token)
{
    read_request r = partial_request();
    r.keep_alive = state_;
    return async_transfer(self().channel(), std::move(r), to_bytes(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_send_functions<Self, Framing>::async_send(const sent_type& message, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(self().channel(), lasting_request<has_token<TimeoutAndToken...>>(message), to_sent(),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <std::same_as<bytes> Bytes, timeout_or_token... TimeoutAndToken>
    requires byte_framing<Framing>
auto message_send_functions<Self, Framing>::async_send(Bytes&& message, TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(self().channel(), owning_request<has_token<TimeoutAndToken...>>(std::move(message)),
                          to_sent(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_send_functions<Self, Framing>::async_flush(TimeoutAndToken&&... timeout_and_token)
{
    return as_writer().async_flush(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <class Self, framing Framing>
template <timeout_or_token... TimeoutAndToken>
auto message_send_functions<Self, Framing>::async_shutdown_send(TimeoutAndToken&&... timeout_and_token)
{
    return as_writer().async_shutdown_send(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <class Result>
template <timeout_or_token... TimeoutAndToken>
auto pending_call<Result>::async_wait(TimeoutAndToken&&... timeout_and_token)
{
    return async_transfer(channel_, read_request(read_request::what::exactly, 1), to_result<Result>(result_),
                          std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace detail

template <detail::timeout_or_token... TimeoutAndToken>
auto endpoint::async_close(TimeoutAndToken&&... timeout_and_token)
{
    return detail::async_transfer(channel(), detail::write_request(detail::write_request::what::close),
                                  detail::to_sent(), std::forward<TimeoutAndToken>(timeout_and_token)...);
}

template <detail::timeout_or_token... TimeoutAndToken>
auto cross_lock::async_lock(TimeoutAndToken&&... timeout_and_token)
{
    until timeout = detail::timeout_of(timeout_and_token...);
    if constexpr (detail::has_token<TimeoutAndToken...>)
        return detail::by_token(
            detail::to_nothing(),
            [this, l = std::move(timeout)](boost::asio::any_io_executor executor, detail::completion handler,
                                           bool in_coroutine) mutable {
                detail::start(*this, std::move(l), std::move(executor), std::move(handler), in_coroutine);
            },
            std::forward<TimeoutAndToken>(timeout_and_token)...);
    else
        return detail::await_lock(*this, std::move(timeout));
}

/// Takes over the handle of an Asio object, such as an accepted or connected socket. No operation may be under way on
/// the object. It is closed, or unchanged if this throws. Throws what the other `adopt` throws.
template <class Object>
    requires(!std::is_lvalue_reference_v<Object> &&
             requires(Object& o) {
                 typename Object::executor_type;
                 o.native_handle();
                 o.close();
             })
[[nodiscard]] descriptor adopt(Object&& object)
{
    // Not release(), since Windows before 8.1 and Wine do not let go of a handle that a completion port watches.
    descriptor d = duplicate(detail::plain_handle<native_handle_type>(object.native_handle()));
    object.close();
    return d;
}

} // namespace ferrule

template <template <class, class> class Associator, class Handler, class Convert, class Error, class Default>
struct boost::asio::associator<Associator, ferrule::detail::converting_handler<Handler, Convert, Error>, Default>
    : Associator<Handler, Default> {
    static auto get(const ferrule::detail::converting_handler<Handler, Convert, Error>& h) noexcept
    {
        return Associator<Handler, Default>::get(h.handler);
    }
    static auto get(const ferrule::detail::converting_handler<Handler, Convert, Error>& h, const Default& d) noexcept
    {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};
