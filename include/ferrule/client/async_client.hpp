// The asynchronous calls of clients. Unlike <ferrule/client/client.hpp>, this header includes Asio.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/client/client.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule {
namespace detail {

/// Makes the call, as `start` of a transfer does. The result has the exception of a failure.
FERRULE_EXPORT void start(const caller& by, exchange&& x, boost::asio::any_io_executor executor, completion handler);
/// As `call_for`; also for `void` and `std::size_t` (of what was received).
template <class T>
FERRULE_EXPORT boost::asio::awaitable<T> await_for(caller by, exchange x);

class connected_coroutine {
public:
    connected_coroutine() = default;
    connected_coroutine(const connected_coroutine&) = delete;
    connected_coroutine& operator=(const connected_coroutine&) = delete;
    virtual ~connected_coroutine() = default;

    [[nodiscard]] virtual boost::asio::awaitable<void> run(client_session s) = 0;
};

/// The size of what was received.
class to_data_size {
public:
    std::size_t operator()(transfer_result&& r) const noexcept { return r.data.size(); }
};
/// A reply of several lines.
class to_lines {
public:
    std::vector<bytes> operator()(transfer_result&& r) const { return lines_of(r.data, separators); }

    std::vector<std::string> separators{};
};

inline call_options how_of()
{
    return {};
}
template <class First, class... Rest>
call_options how_of(const First& first, const Rest&...)
{
    if constexpr (std::convertible_to<First, call_options>)
        return first;
    else
        return {};
}
/// Whether the last of `[how] [token]` is a token.
template <class... HowAndToken>
inline constexpr bool ends_with_token = false;
template <class Argument>
inline constexpr bool ends_with_token<Argument> = !std::convertible_to<Argument, call_options>;
template <class How, class Token>
inline constexpr bool ends_with_token<How, Token> = true;

/// The call that `fill(exchange)` describes, with the result that `Convert` makes. Without a token it is an awaitable.
template <class Fill, class Convert, class... HowAndToken>
auto async_call(const caller& by, Fill fill, Convert convert, HowAndToken&&... how_and_token)
{
    exchange x(by, how_of(how_and_token...));
    fill(x);
    if constexpr (std::same_as<Convert, to_lines>)
        convert.separators = x.separators();
    if constexpr (ends_with_token<HowAndToken...>)
        return by_token(
            std::move(convert),
            [by, x = std::move(x)](boost::asio::any_io_executor executor, completion handler, bool) mutable {
                start(by, std::move(x), std::move(executor), std::move(handler));
            },
            std::forward<HowAndToken>(how_and_token)...);
    else
        return await_for<decltype(convert(std::declval<transfer_result>()))>(by, std::move(x));
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read(HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [](exchange& x) { x.receive_some(); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read(std::size_t max, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.receive_some(max); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_exactly(std::size_t n, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.receive_exactly(n); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_until(const separators& separator, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.receive_until(separator.copy()); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_until_silence(std::chrono::nanoseconds gap, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.receive_until_silence(gap); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_line(HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [](exchange& x) { x.receive_line(); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_lines(std::size_t n, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.receive_lines(n); }, to_lines(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_all(HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [](exchange& x) { x.receive_all(); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_read_buffer(HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [](exchange& x) { x.receive_available(); }, to_bytes(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_reset_input(HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [](exchange& x) { x.receive_available(); }, to_data_size(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write(const buffers& data, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send(data, true); }, to_nothing(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write_line(byte_view line, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send_line(line); }, to_nothing(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <std::ranges::range Lines, how_or_token... HowAndToken>
auto call_functions<Self>::async_write_lines(const Lines& lines, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send_lines(lines); }, to_nothing(), std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write_read(const buffers& data, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send(data, true).receive_some(); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write_read_exactly(const buffers& data, std::size_t n, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send(data, true).receive_exactly(n); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write_read_line(const buffers& data, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send(data, true).receive_line(); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_write_read_lines(const buffers& data, std::size_t n, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send(data, true).receive_lines(n); }, to_lines(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <std::ranges::range Lines, how_or_token... HowAndToken>
auto call_functions<Self>::async_write_lines_read_lines(const Lines& lines, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send_lines(lines).receive_lines(); }, to_lines(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <std::ranges::range Lines, how_or_token... HowAndToken>
auto call_functions<Self>::async_write_lines_read_lines(const Lines& lines, std::size_t n,
                                                        HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send_lines(lines).receive_lines(n); }, to_lines(),
        std::forward<HowAndToken>(how_and_token)...);
}

template <class Self>
template <how_or_token... HowAndToken>
auto call_functions<Self>::async_query(byte_view line, HowAndToken&&... how_and_token)
{
    return async_call(
        own(), [&](exchange& x) { x.send_line(line).receive_line(); }, to_bytes(),
        std::forward<HowAndToken>(how_and_token)...);
}

} // namespace detail

template <detail::how_or_token... Token>
auto reply_stream::async_next(Token&&... token)
{
    return detail::async_call(
        by_,
        [this](detail::exchange& x) {
            fill_(x);
            x.or_end();
        },
        detail::to_next(detail::to_bytes()), how_, std::forward<Token>(token)...);
}

template <detail::how_or_token... HowAndToken>
auto client::async_open(HowAndToken&&... how_and_token)
{
    return detail::async_call(
        by_, [](detail::exchange& x) { x.open(); }, detail::to_nothing(), std::forward<HowAndToken>(how_and_token)...);
}

inline auto client::async_watch(std::chrono::milliseconds interval) const
{
    return [](client c, std::chrono::milliseconds every) -> boost::asio::awaitable<void> {
        boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
        for (;;) {
            timer.expires_after(every);
            co_await timer.async_wait(boost::asio::use_awaitable);
            (void)c.connected();
        }
    }(*this, interval);
}

template <class Executor, class Coroutine>
client_options& client_options::on_lost(Executor ex, Coroutine f)
{
    return on_lost([ex, f = std::move(f)](error_code why) { co_spawn(ex, f(why), boost::asio::detached); });
}

template <class Executor, class Coroutine>
client_options& client_options::on_end(Executor ex, Coroutine f)
{
    return on_end([ex, f = std::move(f)] { co_spawn(ex, f(), boost::asio::detached); });
}

template <class Coroutine>
client_options& client_options::on_connected_async(Coroutine f)
{
    static_assert(std::same_as<std::invoke_result_t<Coroutine&, client_session>, boost::asio::awaitable<void>>);
    class made final : public detail::connected_coroutine {
    public:
        explicit made(Coroutine f) : f_(std::move(f)) {}
        boost::asio::awaitable<void> run(client_session s) override { return f_(std::move(s)); }

    private:
        Coroutine f_;
    };
    connected_ = nullptr;
    connected_coroutine_ = std::make_shared<made>(std::move(f));
    return *this;
}

} // namespace ferrule
