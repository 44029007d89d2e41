// Calls to an instrument: what is sent, what is then received, and on which conditions.
#pragma once

#include <ferrule/detail/requests.hpp>
#include <ferrule/detail/separators.hpp>
#include <ferrule/detail/token.hpp>
#include <ferrule/limits.hpp>
#include <ferrule/message.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule {

/// What ends a line. Converts from text, which is the same in both directions.
class line_end {
public:
    template <std::convertible_to<std::string_view> Text>
    line_end(const Text& both) : received_{std::string(std::string_view(both))},
                                 sent_(received_.front())
    {
    }
    /// A line that arrives ends with the first of `received` that ends, as in `line_end({"\r\n", "\n"}, "\r\n")`. Of
    /// those that end together the longest counts. A line that is sent ends with `sent`.
    line_end(const detail::separators& received, std::string sent) : received_(received.copy()), sent_(std::move(sent))
    {
    }

    [[nodiscard]] const std::vector<std::string>& received() const noexcept { return received_; }
    [[nodiscard]] const std::string& sent() const noexcept { return sent_; }

private:
    std::vector<std::string> received_;
    std::string sent_;
};

/// The conditions of one call. Converts from a timeout, from an end of line, and from both in braces:
/// `read_line(2s)`, `read_line("\r\n")`, `read_line({"\r\n", 2s})`.
class call_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    call_options() = default;
    template <std::convertible_to<until> Timeout>
    call_options(const Timeout& t) : timeout_(t)
    {
    }
    template <std::convertible_to<line_end> LineEnd>
    call_options(const LineEnd& e) : end_of_line_(e)
    {
    }
    call_options(line_end e, until t) : timeout_(std::move(t)), end_of_line_(std::move(e)) {}

    /// Covers the whole call: the wait for other calls, connecting, sending and receiving. Default: that of the client.
    call_options& timeout(until t)
    {
        timeout_ = std::move(t);
        return *this;
    }
    /// Default: that of the client.
    call_options& end_of_line(line_end e)
    {
        end_of_line_ = std::move(e);
        return *this;
    }
    /// Lets the client repeat the request when the connection is lost before the answer has come. By default it repeats
    /// only a request of which no byte has left.
    call_options& idempotent(bool on = true) noexcept
    {
        idempotent_ = on;
        return *this;
    }

    [[nodiscard]] const std::optional<until>& timeout() const noexcept { return timeout_; }
    [[nodiscard]] const std::optional<line_end>& end_of_line() const noexcept { return end_of_line_; }
    [[nodiscard]] bool is_idempotent() const noexcept { return idempotent_; }

private:
    std::optional<until> timeout_;
    std::optional<line_end> end_of_line_;
    bool idempotent_ = false;
};

namespace detail {

class client_core;
class client_connection;

/// Who makes a call.
class caller {
public:
    std::shared_ptr<client_core> client;
    std::shared_ptr<client_connection> session{}; // the new connection, inside `on_connected`
};

/// A request, a reply, or both. Functions that take an end of line or separators throw `usage_error`
/// (`errc::invalid_argument`) if one is empty, so that nothing is sent then.
class FERRULE_EXPORT exchange {
public:
    exchange(const caller& by, const call_options& how);

    /// If the call is `lasting`, it may outlive the expression that makes it; temporaries are then copied.
    exchange& send(const buffers& data, bool lasting);
    /// Throws `usage_error` (`errc::unencodable`) for a line that contains the end of line.
    exchange& send_line(byte_view line);
    template <class Lines>
    exchange& send_lines(const Lines& lines)
    {
        for (const auto& line : lines)
            send_line(line);
        return *this;
    }

    exchange& receive_some(std::size_t max = SIZE_MAX) { return receive(read_request::what::some, max); }
    exchange& receive_exactly(std::size_t n) { return receive(read_request::what::exactly, n); }
    exchange& receive_until(std::vector<std::string> separators, bool strip = false);
    exchange& receive_until_silence(std::chrono::nanoseconds gap);
    exchange& receive_line() { return receive_until(end_of_line().received(), true); }
    /// All of them, or none. As many as are sent, if no number is given.
    exchange& receive_lines(std::size_t n);
    exchange& receive_lines() { return receive_lines(lines_sent_); }
    exchange& receive_all() { return receive(read_request::what::all, max_payload()); }
    /// What has arrived. Does not connect.
    exchange& receive_available() { return receive(read_request::what::available, SIZE_MAX); }
    /// A clean end of the stream is no error.
    exchange& or_end();
    /// Only connects.
    exchange& open();

    [[nodiscard]] bool sends() const noexcept { return request_.has_value(); }
    [[nodiscard]] bool receives() const noexcept { return reply_.has_value(); }
    [[nodiscard]] bool opens() const noexcept { return opens_; }
    /// There is nothing to do.
    [[nodiscard]] bool is_empty() const noexcept;
    [[nodiscard]] bool looks() const noexcept
    {
        return !sends() && receives() && reply_->kind == read_request::what::available;
    }
    [[nodiscard]] bool is_idempotent() const noexcept { return idempotent_; }
    [[nodiscard]] const until& timeout() const noexcept { return timeout_; }
    [[nodiscard]] std::size_t request_size() const noexcept { return request_ ? request_->frame.size() : 0; }

    /// For one attempt. The exchange must stay in place until the reply has come.
    [[nodiscard]] write_request& request() noexcept { return *request_; }
    [[nodiscard]] const read_request& reply() noexcept;
    /// What ends the lines of a reply.
    [[nodiscard]] const std::vector<std::string>& separators() const noexcept { return separators_; }

private:
    exchange& receive(read_request::what kind, std::size_t size);
    [[nodiscard]] const line_end& end_of_line() const;
    [[nodiscard]] std::size_t max_payload() const;
    static decode_result find_lines(void* self, byte_view buffered, std::uint64_t position);

    std::shared_ptr<client_core> client_;
    std::optional<line_end> end_of_line_;
    until timeout_;
    bool idempotent_;
    std::optional<write_request> request_;
    std::optional<read_request> reply_;
    std::vector<std::string> separators_; // of the lines to receive
    std::size_t lines_ = 0;               // to receive
    struct {
        std::size_t lines = 0;
        std::size_t end = 0;      // of the last of them
        std::size_t searched = 0; // bytes behind that end
    } found_;
    std::size_t lines_sent_ = 0;
    bool opens_ = false;
};

/// Takes a reply of several lines apart.
[[nodiscard]] FERRULE_EXPORT std::vector<bytes> lines_of(byte_view reply, const std::vector<std::string>& separators);

/// Makes the call, and throws if it fails. `T` is `bytes`, `std::vector<bytes>` (lines) or `std::optional<bytes>` (nothing at the
/// end of the stream).
template <class T>
FERRULE_EXPORT T call_for(const caller& by, exchange&& x);
/// The code for the exception being handled.
[[nodiscard]] FERRULE_EXPORT error_code failure_of_call() noexcept;

/// Makes the call that `fill(exchange)` describes. Sets the `error_code`, if there is one, instead of throwing.
template <class T, class Fill, class... Ec>
T make_call(const caller& by, const call_options& how, Fill fill, Ec&... ec)
{
    const auto call = [&] {
        exchange x(by, how);
        fill(x);
        return call_for<T>(by, std::move(x));
    };
    if constexpr (sizeof...(Ec) == 0)
        return call();
    else {
        static_assert(sizeof...(Ec) == 1);
        try {
            ((ec = error_code()), ...);
            return call();
        } catch (...) {
            ((ec = failure_of_call()), ...);
            return {};
        }
    }
}

/// What converts to `call_options`, or a completion token.
template <class T>
concept how_or_token = !std::is_arithmetic_v<std::remove_cvref_t<T>>;

} // namespace detail

/// What an instrument sends by itself, piece by piece: a range, and a generator for coroutines. It ends where the
/// connection ends cleanly; an end inside a piece is an error. A timeout in `how` covers the whole stream, and the
/// client's own each piece.
///
/// Thread safety: one thread at a time.
///
///     for (const bytes& line : instrument.lines())
///         std::cout << line.text() << '\n';
///
///     reply_stream lines = instrument.lines();
///     while (const auto line = co_await lines.async_next())
///         std::cout << line->text() << '\n';
class reply_stream {
public:
    /// An input iterator.
    class iterator {
    public:
        using value_type = bytes;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(reply_stream& s) : stream_(&s) { ++*this; }

        bytes& operator*() const noexcept { return *stream_->current_; }
        iterator& operator++()
        {
            stream_->current_ = stream_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !stream_->current_; }

    private:
        reply_stream* stream_ = nullptr;
    };

    /// For other parts of ferrule.
    reply_stream(detail::caller by, call_options how, std::function<void(detail::exchange&)> fill)
        : by_(std::move(by)),
          how_(std::move(how)),
          fill_(std::move(fill))
    {
    }

    /// Receives the next piece, or nothing at the end. Throws as the calls of a client do.
    template <std::same_as<error_code>... Ec>
    std::optional<bytes> next(Ec&... ec)
    {
        return detail::make_call<std::optional<bytes>>(
            by_, how_, [this](detail::exchange& x) { fill_(x), x.or_end(); }, ec...);
    }
    template <detail::how_or_token... Token>
    auto async_next(Token&&... token);

    /// Receives the first piece.
    [[nodiscard]] iterator begin() { return iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    detail::caller by_;
    call_options how_;
    std::function<void(detail::exchange&)> fill_;
    std::optional<bytes> current_; // of the iterators
};

namespace detail {

/// The calls of `client` and `client_session`.
///
/// These rules hold for all of them:
/// * Calls of one client take turns, in the order of arrival. No other call comes between a request and its reply.
/// * A call connects if necessary, as `reconnect` allows.
/// * One timeout covers the whole call: the wait for its turn, connecting, sending and receiving. Zero means "only if
///   possible immediately".
/// * Input that has arrived before a request is no reply to it. It is dropped and counted (`client::dropped`), and
///   `client_options::on_unsolicited` gets it.
/// * A call that fails after a part of its request has left closes the connection, so that a late reply is never taken
///   for the next one. So does a read that fails after a `write` that nothing was read for. Any other read that is
///   cancelled or times out leaves the connection, and all that has arrived, as they were.
/// * Lines are returned without, and sent with, the end of line; `write` and `write_read…` send the bytes as they are.
/// * `how` is a timeout, an end of line, both in braces, or `call_options`.
/// * With an `error_code&` as the last argument a function sets it instead of throwing, and returns an empty result.
/// * The `async_` twins take the same arguments, then an optional completion token. They complete with
///   `void(error_code, T)` on the executor associated with the token. Without a token the result is an
///   `asio::awaitable<T>` that throws like the blocking call. They are defined in <ferrule/client/async_client.hpp>.
///   Temporaries that own their bytes are copied; other buffers must live until completion.
///
/// Throws: what `connect` throws, and `eof_error`, `timeout_error`, `cancelled_error`, `closed_error`, `broken_error`,
/// `frame_error` (`errc::too_large`: a line beyond the limit), `usage_error`. `error::transferred` is the number of bytes
/// of the request that have left. If it is 0, the instrument has not got the command; otherwise it may have executed it.
/// `error::data` is what had arrived of the reply. A client that may not connect throws `broken_error` with
/// `boost::system::errc::not_connected`.
/// Thread safety: any number of threads and coroutines may call at the same time.
/// Cancellation: as a timeout. The `async_` twins support all cancellation types.
template <class Self>
class call_functions {
public:
    /// Receives what arrives first, at least one byte.
    template <std::same_as<error_code>... Ec>
    bytes read(const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_some(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read(HowAndToken&&... how_and_token);

    /// Receives what arrives first: at least one byte, at most `max`.
    template <std::same_as<error_code>... Ec>
    bytes read(std::size_t max, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_some(max); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read(std::size_t max, HowAndToken&&... how_and_token);

    /// Receives exactly `n` bytes; 0 returns none immediately.
    template <std::same_as<error_code>... Ec>
    bytes read_exactly(std::size_t n, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_exactly(n); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_exactly(std::size_t n, HowAndToken&&... how_and_token);

    /// Receives up to and including `separator`, or the first of several: `read_until({"> ", "# "})`.
    template <std::same_as<error_code>... Ec>
    bytes read_until(const separators& separator, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_until(separator.copy()); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_until(const separators& separator, HowAndToken&&... how_and_token);

    /// Receives what arrives until no byte has followed for `gap`; see `reader::recv_until_silence`.
    template <std::same_as<error_code>... Ec>
    bytes read_until_silence(std::chrono::nanoseconds gap, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_until_silence(gap); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_until_silence(std::chrono::nanoseconds gap, HowAndToken&&... how_and_token);

    /// Receives a line.
    template <std::same_as<error_code>... Ec>
    bytes read_line(const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_line(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_line(HowAndToken&&... how_and_token);

    /// Receives `n` lines, or none.
    template <std::same_as<error_code>... Ec>
    std::vector<bytes> read_lines(std::size_t n, const call_options& how = {}, Ec&... ec)
    {
        return make_call<std::vector<bytes>>(own(), how, [&](exchange& x) { x.receive_lines(n); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_lines(std::size_t n, HowAndToken&&... how_and_token);

    /// Receives everything up to the end of the connection, possibly nothing.
    template <std::same_as<error_code>... Ec>
    bytes read_all(const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_all(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_all(HowAndToken&&... how_and_token);

    /// Takes what has arrived, possibly nothing. Waits for other calls, but not for input, and does not connect.
    template <std::same_as<error_code>... Ec>
    bytes read_buffer(const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_available(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_read_buffer(HowAndToken&&... how_and_token);

    /// Drops what has arrived, and returns its size. Otherwise as `read_buffer`.
    template <std::same_as<error_code>... Ec>
    std::size_t reset_input(const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.receive_available(); }, ec...).size();
    }
    template <how_or_token... HowAndToken>
    auto async_reset_input(HowAndToken&&... how_and_token);

    /// Sends `data`, or several buffers in order. Returns when the system has accepted all of it.
    template <std::same_as<error_code>... Ec>
    void write(const buffers& data, const call_options& how = {}, Ec&... ec)
    {
        (void)make_call<bytes>(own(), how, [&](exchange& x) { x.send(data, false); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write(const buffers& data, HowAndToken&&... how_and_token);

    /// Sends a line.
    template <std::same_as<error_code>... Ec>
    void write_line(byte_view line, const call_options& how = {}, Ec&... ec)
    {
        (void)make_call<bytes>(own(), how, [&](exchange& x) { x.send_line(line); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write_line(byte_view line, HowAndToken&&... how_and_token);

    /// Sends each line of a range.
    template <std::ranges::range Lines, std::same_as<error_code>... Ec>
    void write_lines(const Lines& lines, const call_options& how = {}, Ec&... ec)
    {
        (void)make_call<bytes>(own(), how, [&](exchange& x) { x.send_lines(lines); }, ec...);
    }
    template <std::ranges::range Lines, how_or_token... HowAndToken>
    auto async_write_lines(const Lines& lines, HowAndToken&&... how_and_token);

    /// Sends `data`, and receives what then arrives first.
    template <std::same_as<error_code>... Ec>
    bytes write_read(const buffers& data, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.send(data, false).receive_some(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write_read(const buffers& data, HowAndToken&&... how_and_token);

    /// Sends `data`, and receives exactly `n` bytes.
    template <std::same_as<error_code>... Ec>
    bytes write_read_exactly(const buffers& data, std::size_t n, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.send(data, false).receive_exactly(n); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write_read_exactly(const buffers& data, std::size_t n, HowAndToken&&... how_and_token);

    /// Sends `data`, and receives a line.
    template <std::same_as<error_code>... Ec>
    bytes write_read_line(const buffers& data, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.send(data, false).receive_line(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write_read_line(const buffers& data, HowAndToken&&... how_and_token);

    /// Sends `data`, and receives `n` lines, or none.
    template <std::same_as<error_code>... Ec>
    std::vector<bytes> write_read_lines(const buffers& data, std::size_t n, const call_options& how = {}, Ec&... ec)
    {
        return make_call<std::vector<bytes>>(
            own(), how, [&](exchange& x) { x.send(data, false).receive_lines(n); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_write_read_lines(const buffers& data, std::size_t n, HowAndToken&&... how_and_token);

    /// Sends each line of a range, and receives as many.
    template <std::ranges::range Lines, std::same_as<error_code>... Ec>
    std::vector<bytes> write_lines_read_lines(const Lines& lines, const call_options& how = {}, Ec&... ec)
    {
        return make_call<std::vector<bytes>>(
            own(), how, [&](exchange& x) { x.send_lines(lines).receive_lines(); }, ec...);
    }
    template <std::ranges::range Lines, how_or_token... HowAndToken>
    auto async_write_lines_read_lines(const Lines& lines, HowAndToken&&... how_and_token);

    /// Sends each line of a range, and receives `n`.
    template <std::ranges::range Lines, std::same_as<error_code>... Ec>
    std::vector<bytes> write_lines_read_lines(const Lines& lines, std::size_t n, const call_options& how = {},
                                              Ec&... ec)
    {
        return make_call<std::vector<bytes>>(
            own(), how, [&](exchange& x) { x.send_lines(lines).receive_lines(n); }, ec...);
    }
    template <std::ranges::range Lines, how_or_token... HowAndToken>
    auto async_write_lines_read_lines(const Lines& lines, std::size_t n, HowAndToken&&... how_and_token);

    /// Sends a line, and receives one: `query("*IDN?")`.
    template <std::same_as<error_code>... Ec>
    bytes query(byte_view line, const call_options& how = {}, Ec&... ec)
    {
        return make_call<bytes>(own(), how, [&](exchange& x) { x.send_line(line).receive_line(); }, ec...);
    }
    template <how_or_token... HowAndToken>
    auto async_query(byte_view line, HowAndToken&&... how_and_token);

    /// Streams of what the instrument sends by itself. Each of their reads is a call of its own.
    [[nodiscard]] reply_stream lines(call_options how = {}) const
    {
        return {own(), std::move(how), [](exchange& x) { x.receive_line(); }};
    }
    /// Of `n` bytes each.
    [[nodiscard]] reply_stream blocks(std::size_t n, call_options how = {}) const
    {
        return {own(), std::move(how), [n](exchange& x) { x.receive_exactly(n); }};
    }
    /// Each up to and including `separator`.
    [[nodiscard]] reply_stream parts(const separators& separator, call_options how = {}) const
    {
        return {own(), std::move(how), [s = separator.copy()](exchange& x) { x.receive_until(s); }};
    }

private:
    [[nodiscard]] const caller& own() const noexcept { return static_cast<const Self&>(*this).as_caller(); }
};

} // namespace detail

} // namespace ferrule
