// Receiving bytes.
#pragma once

#include <ferrule/detail/separators.hpp>
#include <ferrule/detail/token.hpp>
#include <ferrule/endpoint.hpp>

#include <concepts>
#include <new>
#include <optional>
#include <string>

namespace ferrule {

namespace detail {

/// The receiving functions of `reader` and `duplex`.
///
/// These rules hold for all of them:
/// * One timeout covers the whole call, including the wait for another receive of this endpoint. A timeout of zero
///   means "only if possible immediately". Without a timeout, a call blocks until it succeeds or fails.
/// * Where packets have boundaries (`transfer_kind::message`), a receive takes one packet, which may be shorter than
///   asked for. `recv_until`, `recv_line`, `next_line`, `recv_until_silence` and `recv_all` report
///   `errc::unsupported` there.
/// * A function that takes an `error_code` sets it instead of throwing and returns an empty result. The bytes that had
///   arrived are still in the stream; `peek_partial` shows them. The exception is `errc::packet_truncated`, where the
///   result is the first part of the packet. Completion handlers follow the same rule.
/// * The `async_` twins take the same arguments, then an optional timeout and an optional completion token. They
///   complete with `void(error_code, T)` on the executor associated with the token. Without a token the result is an
///   `asio::awaitable<T>` that throws like the blocking call. Buffers passed by reference must live until completion.
///   The twins are defined in <ferrule/asio.hpp>.
///
/// Throws: `eof_error`, `timeout_error`, `cancelled_error`, `closed_error`, `broken_error`, `frame_error`,
/// `usage_error`, else `error`. The code of `eof_error` is `errc::end_of_stream` if nothing is left, `errc::truncated`
/// if an unfinished rest stays readable.
/// Thread safety: any number of threads and coroutines may call at the same time. They take turns in the order of
/// arrival.
/// Cancellation: a receive that ends early (timeout, stop token, Asio cancellation, error) takes nothing off the
/// stream. The next receive returns exactly what an uninterrupted reader would have seen. The `async_` twins support
/// all cancellation types.
template <class Self>
class recv_functions {
public:
    /// Receives the first bytes that arrive, at least one: the buffered bytes, or else the result of one read.
    bytes recv(const until& timeout = {})
    {
        return transfer(own(), read_request(read_request::what::some, SIZE_MAX), timeout).data;
    }
    bytes recv(const until& timeout, error_code& ec)
    {
        return transfer(own(), read_request(read_request::what::some, SIZE_MAX), timeout, ec).data;
    }
    bytes recv(error_code& ec) { return recv(until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv(TimeoutAndToken&&... timeout_and_token);

    /// Receives exactly `n` bytes; 0 returns none immediately. A negative number is `errc::invalid_argument`.
    bytes recv(std::size_t n, const until& timeout = {}) { return transfer(own(), exactly(n), timeout).data; }
    bytes recv(std::size_t n, const until& timeout, error_code& ec)
    {
        return transfer(own(), exactly(n), timeout, ec).data;
    }
    template <std::integral N> // so that `recv({}, ec)` means no timeout
    bytes recv(N n, error_code& ec)
    {
        return recv(static_cast<std::size_t>(n), until(), ec);
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv(std::size_t n, TimeoutAndToken&&... timeout_and_token);

    /// Fills all of `buffer` and returns its size.
    std::size_t recv_into(std::span<std::byte> buffer, const until& timeout = {})
    {
        return transfer(own(), into(read_request::what::into, buffer), timeout).transferred;
    }
    std::size_t recv_into(std::span<std::byte> buffer, const until& timeout, error_code& ec)
    {
        return transfer(own(), into(read_request::what::into, buffer), timeout, ec).transferred;
    }
    std::size_t recv_into(std::span<std::byte> buffer, error_code& ec) { return recv_into(buffer, until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_into(std::span<std::byte> buffer, TimeoutAndToken&&... timeout_and_token);

    /// Fills `buffer` with the buffered bytes, or else with the first that arrive. Returns their number, at least one.
    std::size_t recv_some_into(std::span<std::byte> buffer, const until& timeout = {})
    {
        return transfer(own(), into(read_request::what::some_into, buffer), timeout).transferred;
    }
    std::size_t recv_some_into(std::span<std::byte> buffer, const until& timeout, error_code& ec)
    {
        return transfer(own(), into(read_request::what::some_into, buffer), timeout, ec).transferred;
    }
    std::size_t recv_some_into(std::span<std::byte> buffer, error_code& ec)
    {
        return recv_some_into(buffer, until(), ec);
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_some_into(std::span<std::byte> buffer, TimeoutAndToken&&... timeout_and_token);

    /// Receives up to and including `separator`. There may be several, as in `recv_until({"> ", "# "})`. The result ends at
    /// the first that ends; none may be empty (`errc::invalid_argument`). Reports `errc::too_large` if more than
    /// `limits().max_payload()` bytes precede it; they stay in the stream.
    bytes recv_until(const separators& separator, const until& timeout = {})
    {
        return transfer(own(), separated(separator, false), timeout).data;
    }
    bytes recv_until(const separators& separator, const until& timeout, error_code& ec)
    {
        return transfer_made(own(), [&] { return separated(separator, false); }, timeout, ec).data;
    }
    bytes recv_until(const separators& separator, error_code& ec) { return recv_until(separator, until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_until(const separators& separator, TimeoutAndToken&&... timeout_and_token);

    /// Receives one line, without its `end_of_line`, which is "\n" by default. There may be several, as in
    /// `recv_line({"\n", "\r\n"})`; of those that end together the longest counts. The limit of `recv_until` applies. A last line without
    /// `end_of_line` is `errc::truncated` and stays readable.
    bytes recv_line(const until& timeout = {}) { return transfer(own(), separated("\n", true), timeout).data; }
    bytes recv_line(const until& timeout, error_code& ec) { return recv_line("\n", timeout, ec); }
    bytes recv_line(error_code& ec) { return recv_line(until(), ec); }
    bytes recv_line(const separators& end_of_line, const until& timeout = {})
    {
        return transfer(own(), separated(end_of_line, true), timeout).data;
    }
    bytes recv_line(const separators& end_of_line, const until& timeout, error_code& ec)
    {
        return transfer_made(own(), [&] { return separated(end_of_line, true); }, timeout, ec).data;
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_line(TimeoutAndToken&&... timeout_and_token);
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_line(const separators& end_of_line, TimeoutAndToken&&... timeout_and_token);

    /// Like `recv_line()`, but returns nothing at the clean end of the stream. Use it as
    /// `while (auto line = in.next_line())`.
    std::optional<bytes> next_line(const until& timeout = {})
    {
        return next_of(transfer(own(), next_line_request(), timeout));
    }
    /// Returns nothing on error as well.
    std::optional<bytes> next_line(const until& timeout, error_code& ec)
    {
        auto line = next_of(transfer_made(own(), [&] { return next_line_request(); }, timeout, ec));
        return ec ? std::nullopt : std::move(line);
    }
    std::optional<bytes> next_line(error_code& ec) { return next_line(until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_next_line(TimeoutAndToken&&... timeout_and_token);

    /// Receives everything up to the end of the stream, possibly nothing. Reports `errc::too_large` beyond
    /// `limits().max_payload()` bytes.
    bytes recv_all(const until& timeout = {}) { return transfer(own(), everything(), timeout).data; }
    bytes recv_all(const until& timeout, error_code& ec) { return transfer(own(), everything(), timeout, ec).data; }
    bytes recv_all(error_code& ec) { return recv_all(until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_all(TimeoutAndToken&&... timeout_and_token);

    /// Receives what arrives until no byte has followed the last one for `gap`: at least one byte, or what came before
    /// the end of the stream. This is the inter-byte timeout of serial lines, VTIME with VMIN in termios(3). The wait
    /// for the first byte is bounded by the timeout alone. Bytes that wait to be read start a gap when they are found,
    /// so a busy caller never splits a message, but may join two. Reports `errc::too_large` beyond
    /// `limits().max_payload()` bytes.
    bytes recv_until_silence(std::chrono::nanoseconds gap, const until& timeout = {})
    {
        return transfer(own(), silence_after(gap), timeout).data;
    }
    bytes recv_until_silence(std::chrono::nanoseconds gap, const until& timeout, error_code& ec)
    {
        return transfer(own(), silence_after(gap), timeout, ec).data;
    }
    bytes recv_until_silence(std::chrono::nanoseconds gap, error_code& ec)
    {
        return recv_until_silence(gap, until(), ec);
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv_until_silence(std::chrono::nanoseconds gap, TimeoutAndToken&&... timeout_and_token);

    /// Like `recv()`, but never waits. Returns nothing if no byte is available. Throws on errors and at the end of the
    /// stream. Also pushes the unsent tail of an interrupted send.
    std::optional<bytes> try_recv()
    {
        transfer_result r;
        if (!run_now(own(), read_request(read_request::what::some, SIZE_MAX), r))
            return std::nullopt;
        return std::move(r.data);
    }

    /// Returns a copy of the bytes that were read but not delivered, such as the beginning of a frame after a timeout.
    /// They stay in the stream. Waits only for other receives, at most until `timeout`.
    bytes peek_partial(const until& timeout = {}) { return transfer(own(), peeking(), timeout).data; }
    bytes peek_partial(const until& timeout, error_code& ec) { return transfer(own(), peeking(), timeout, ec).data; }
    /// Like `peek_partial`, but takes the bytes off the stream. A message reader of the same endpoint then expects a
    /// frame to begin at the next byte.
    bytes take_partial(const until& timeout = {})
    {
        return transfer(own(), read_request(read_request::what::partial), timeout).data;
    }
    bytes take_partial(const until& timeout, error_code& ec)
    {
        return transfer(own(), read_request(read_request::what::partial), timeout, ec).data;
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_take_partial(TimeoutAndToken&&... timeout_and_token);

private:
    [[nodiscard]] const channel_ptr& own() const noexcept { return static_cast<const Self&>(*this).channel(); }
    [[nodiscard]] std::size_t max_payload() const noexcept
    {
        return static_cast<const Self&>(*this).limits().max_payload();
    }

    static read_request exactly(std::size_t n) { return read_request(read_request::what::exactly, n); }
    static read_request into(read_request::what w, std::span<std::byte> buffer)
    {
        read_request r(w);
        r.into = buffer;
        return r;
    }
    static read_request peeking()
    {
        read_request r(read_request::what::partial);
        r.peek = true;
        return r;
    }
    [[nodiscard]] read_request separated(const separators& separator, bool strip) const
    {
        read_request r(read_request::what::until, max_payload());
        r.separators = separator.copy();
        r.strip = strip;
        return r;
    }
    [[nodiscard]] read_request next_line_request() const
    {
        read_request r = separated("\n", true);
        r.end_is_nothing = true;
        return r;
    }
    [[nodiscard]] read_request silence_after(std::chrono::nanoseconds gap) const
    {
        read_request r(read_request::what::silence, max_payload());
        r.gap = gap;
        return r;
    }
    [[nodiscard]] read_request everything() const { return read_request(read_request::what::all, max_payload()); }

    static std::optional<bytes> next_of(transfer_result&& r)
    {
        return r.ended ? std::nullopt : std::optional(std::move(r.data));
    }
};

} // namespace detail

/// The receiving end of a stream of bytes. The calls are in `detail::recv_functions`, what all endpoints share in
/// `endpoint`.
class reader : public endpoint, public detail::recv_functions<reader> {
public:
    reader() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`). An adopted
    /// handle then belongs to the caller again.
    explicit reader(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::read)), l)
    {
    }
    /// Shares the channel of another endpoint.
    reader(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}
};

} // namespace ferrule
