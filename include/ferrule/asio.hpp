// The asynchronous calls: include this where `async_` functions are used. It reaches what Asio itself includes; the
// other headers do not.
//
// g++ 12 destroys some temporaries of a statement with `co_await` twice: lambdas with captures that have a destructor, aggregates
// built there from braces, and what `?:` selects. What calls of ours take is no such aggregate, but may be one of yours. Name them:
//
//     co_await people.async_send({"Ada", 36});                                          // wrong with g++ 12
//     const person ada{"Ada", 36};
//     co_await people.async_send(ada);                                                  // right
//
//     co_await in.with(progress<varint>([log](auto...) { log->tick(); }, {})).async_recv(); // wrong with g++ 12
//     const auto tick = [log](auto...) { log->tick(); };
//     co_await in.with(progress<varint>(tick, {})).async_recv();                            // right
//
// Braced lists that become a `std::initializer_list`, such as `python::list{1, 2}` or `boost::json::object{{"a", 1}}`, it does
// not compile there; name these as well.
#pragma once

#include <ferrule/detail/async_core.hpp>
#include <ferrule/message.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ferrule {
namespace detail {

namespace asio = boost::asio;

/// A socket of Windows's is a number in Winsock.
template <class Native, class Handle>
Native plain_handle(Handle h) noexcept
{
    if constexpr (std::is_pointer_v<Native> && !std::is_convertible_v<Handle, Native>)
        return reinterpret_cast<Native>(static_cast<std::uintptr_t>(h));
    else
        return h;
}

// `[limit] [token]`, sorted out.

template <class... LimitAndToken>
inline constexpr bool has_token = false;
template <class Argument>
inline constexpr bool has_token<Argument> = !std::convertible_to<Argument, until>;
template <class Limit, class Token>
inline constexpr bool has_token<Limit, Token> = true;

inline until limit_of() noexcept
{
    return {};
}
template <class First, class... Rest>
until limit_of(First&& first, Rest&&...)
{
    if constexpr (std::convertible_to<First, until>)
        return until(std::forward<First>(first));
    else
        return {};
}

/// Calls `begin(executor, handler)` by way of the token, the last of the arguments.
template <class Signature, class Begin, class... LimitAndToken>
auto by_token(Begin begin, LimitAndToken&&... limit_and_token)
{
    auto&& token = std::get<sizeof...(LimitAndToken) - 1>(std::forward_as_tuple(limit_and_token...));
    return asio::async_initiate<decltype(token), Signature>(
        [begin = std::move(begin)](auto handler) mutable {
            asio::any_io_executor executor = asio::get_associated_executor(handler);
            begin(std::move(executor), std::move(handler));
        },
        token);
}

/// A transfer with a result of type T, which is `bytes` or `std::size_t`.
template <class T, class Request, class... LimitAndToken>
auto async_transfer(const channel_ptr& c, Request request, LimitAndToken&&... limit_and_token)
{
    until limit = limit_of(limit_and_token...);
    if constexpr (has_token<LimitAndToken...>)
        return by_token<void(error_code, T)>(
            [c, r = std::move(request), l = std::move(limit)](asio::any_io_executor executor, auto handler) mutable {
                start(std::move(c), std::move(r), std::move(l), std::move(executor),
                      asio::any_completion_handler<void(error_code, T)>(std::move(handler)));
            },
            std::forward<LimitAndToken>(limit_and_token)...);
    else if constexpr (std::same_as<T, bytes>)
        return await_bytes(c, std::move(request), std::move(limit));
    else
        return await_size(c, std::move(request), std::move(limit));
}

/// A handler of messages, to be called with the bytes they are made from. Everything associated with it is kept.
template <class Handler, class Message, class Receiver>
class loading_handler {
public:
    loading_handler(Handler h, std::shared_ptr<Receiver> by) : handler(std::move(h)), by_(std::move(by)) {}

    void operator()(error_code ec, bytes payload)
    {
        Message message{};
        try {
            if (!ec)
                message = by_->load(std::move(payload));
        } catch (...) {
            ec = thrown_code();
        }
        std::move(handler)(ec, std::move(message));
    }

    Handler handler;

private:
    std::shared_ptr<Receiver> by_;
};

template <class Message, class Receiver>
asio::awaitable<Message> await_message(channel_ptr c, read_request request, until limit, std::shared_ptr<Receiver> by)
{
    bytes payload = co_await await_bytes(std::move(c), std::move(request), std::move(limit));
    co_return by->load(std::move(payload));
}

template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv(LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), read_request(read_request::what::some, SIZE_MAX),
                                 std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv(std::size_t n, LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), exactly(n), std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_into(std::span<std::byte> buffer, LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), into(read_request::what::into, buffer),
                                       std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_some_into(std::span<std::byte> buffer, LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), into(read_request::what::some_into, buffer),
                                       std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_until(std::string_view separator, LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), separated(separator, false), std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_line(LimitAndToken&&... limit_and_token)
{
    return async_recv_line(std::string_view("\n"), std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_line(std::string_view end_of_line, LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), separated(end_of_line, true), std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_recv_all(LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), everything(), std::forward<LimitAndToken>(limit_and_token)...);
}

template <class Self>
template <limit_or_token... LimitAndToken>
auto send_functions<Self>::async_send(const buffers& data, LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), request(data), std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto send_functions<Self>::async_send(bytes&& data, LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), request(std::move(data)),
                                       std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto send_functions<Self>::async_flush(LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), write_request(write_request::what::flush),
                                       std::forward<LimitAndToken>(limit_and_token)...);
}

template <class Self>
template <limit_or_token... LimitAndToken>
auto send_functions<Self>::async_shutdown_send(LimitAndToken&&... limit_and_token)
{
    return async_transfer<std::size_t>(own(), write_request(write_request::what::shutdown),
                                       std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self>
template <limit_or_token... LimitAndToken>
auto recv_functions<Self>::async_take_partial(LimitAndToken&&... limit_and_token)
{
    return async_transfer<bytes>(own(), read_request(read_request::what::buffered),
                                 std::forward<LimitAndToken>(limit_and_token)...);
}

template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
auto message_recv_functions<Self, Framing>::async_take_partial(LimitAndToken&&... limit_and_token)
{
    return as_reader().async_take_partial(std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
auto message_send_functions<Self, Framing>::async_flush(LimitAndToken&&... limit_and_token)
{
    return as_writer().async_flush(std::forward<LimitAndToken>(limit_and_token)...);
}
template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
auto message_send_functions<Self, Framing>::async_shutdown_send(LimitAndToken&&... limit_and_token)
{
    return as_writer().async_shutdown_send(std::forward<LimitAndToken>(limit_and_token)...);
}

template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
auto message_recv_functions<Self, Framing>::async_recv(LimitAndToken&&... limit_and_token)
{
    auto by = receiver();
    read_request r = request(by);
    r.keep_alive = by;
    if constexpr (byte_framing<Framing>)
        return async_transfer<bytes>(self().channel(), std::move(r), std::forward<LimitAndToken>(limit_and_token)...);
    else if constexpr (has_token<LimitAndToken...>)
        return by_token<void(error_code, message_type)>(
            [c = self().channel(), r = std::move(r), l = limit_of(limit_and_token...),
             by = std::move(by)](asio::any_io_executor executor, auto handler) mutable {
                using receiver = typename decltype(by)::element_type;
                using loading = loading_handler<decltype(handler), message_type, receiver>;
                start(std::move(c), std::move(r), std::move(l), std::move(executor),
                      bytes_handler(loading(std::move(handler), std::move(by))));
            },
            std::forward<LimitAndToken>(limit_and_token)...);
    else
        return await_message<message_type>(self().channel(), std::move(r), limit_of(limit_and_token...), std::move(by));
}

template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
    requires byte_framing<Framing>
auto message_recv_functions<Self, Framing>::async_recv_into(message_type& message, LimitAndToken&&... limit_and_token)
{
    read_request r = request(state_);
    r.keep_alive = state_;
    r.reuse = &message;
    return async_transfer<std::size_t>(self().channel(), std::move(r), std::forward<LimitAndToken>(limit_and_token)...);
}

template <class Self, framing Framing>
template <limit_or_token... LimitAndToken>
auto message_send_functions<Self, Framing>::async_send(const sent_type& message, LimitAndToken&&... limit_and_token)
{
    write_request r(write_request::what::send);
    if constexpr (has_token<LimitAndToken...>)
        r = request(message);
    else
        r.refused = encode(message, r.frame); // what that throws, a call without a token throws
    return async_transfer<std::size_t>(self().channel(), std::move(r), std::forward<LimitAndToken>(limit_and_token)...);
}

} // namespace detail

template <detail::limit_or_token... LimitAndToken>
auto endpoint::async_close(LimitAndToken&&... limit_and_token)
{
    return detail::async_transfer<std::size_t>(channel(), detail::write_request(detail::write_request::what::close),
                                               std::forward<LimitAndToken>(limit_and_token)...);
}

template <detail::limit_or_token... LimitAndToken>
auto cross_lock::async_lock(LimitAndToken&&... limit_and_token)
{
    until limit = detail::limit_of(limit_and_token...);
    if constexpr (detail::has_token<LimitAndToken...>)
        return detail::by_token<void(error_code)>(
            [this, l = std::move(limit)](boost::asio::any_io_executor executor, auto handler) mutable {
                detail::start(*this, std::move(l), std::move(executor), detail::void_handler(std::move(handler)));
            },
            std::forward<LimitAndToken>(limit_and_token)...);
    else
        return detail::await_lock(*this, std::move(limit));
}

/// Takes over what an Asio object holds, such as a socket that was accepted or connected with it; nothing may be under way there.
/// The object is closed, or unchanged if this throws what the other `adopt` does.
template <class Object>
    requires(!std::is_lvalue_reference_v<Object> &&
             requires(Object& o) {
                 typename Object::executor_type;
                 o.native_handle();
                 o.close();
             })
[[nodiscard]] descriptor adopt(Object&& object)
{
    // Not release(): Windows before 8.1 and Wine do not let go of what a completion port watches.
    descriptor d = duplicate(detail::plain_handle<native_handle_type>(object.native_handle()));
    object.close();
    return d;
}

} // namespace ferrule

template <template <class, class> class Associator, class Handler, class Message, class Receiver, class Default>
struct boost::asio::associator<Associator, ferrule::detail::loading_handler<Handler, Message, Receiver>, Default>
    : Associator<Handler, Default> {
    static auto get(const ferrule::detail::loading_handler<Handler, Message, Receiver>& h) noexcept
    {
        return Associator<Handler, Default>::get(h.handler);
    }
    static auto get(const ferrule::detail::loading_handler<Handler, Message, Receiver>& h, const Default& d) noexcept
    {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};
