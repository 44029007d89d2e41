// Receiving bytes.
#pragma once

#include <ferrule/detail/token.hpp>
#include <ferrule/endpoint.hpp>

#include <concepts>
#include <new>
#include <optional>
#include <string>
#include <string_view>

namespace ferrule {

namespace detail {

/// The receiving functions of `reader` and `duplex`.
///
/// What all of them share:
/// * One deadline covers the whole call, also waiting for another operation of this direction. Zero means: only if
///   possible right now.
/// * An operation that ends early (deadline, stop token, Asio cancellation, error) takes nothing off the stream: the next
///   read returns exactly what an uninterrupted reader would have seen. The error shows what had arrived.
/// * Errors: `eof_error` (`end_of_stream` with nothing left, `truncated` with an unfinished rest, which stays readable),
///   `timeout_error`, `cancelled_error`, `closed_error`, `broken_error`, `usage_error`. The functions that take an
///   `error_code` set it instead, and so do completion handlers; then they give nothing, since what had arrived is still in
///   the stream and shown by `peek_partial`. (The exception is the first part of a packet, `errc::packet_truncated`.)
/// * Any number of threads and coroutines may call them at once; they take turns, first come, first served.
/// * The `async_` twins take the same arguments followed by an optional limit and an optional completion token. They
///   complete with `void(error_code, T)` on the executor associated with the token, and support every kind of
///   cancellation. Without a token the result is an `asio::awaitable<T>` that throws like the blocking call. They are
///   defined in <ferrule/asio.hpp>. Buffers passed by reference must live until completion.
template <class Self>
class recv_functions {
public:
    /// The first bytes that arrive, at least one: what is buffered, or else what one read yields.
    bytes recv(const until& limit = {})
    {
        return transfer(own(), read_request(read_request::what::some, SIZE_MAX), limit).data;
    }
    bytes recv(const until& limit, error_code& ec)
    {
        return transfer(own(), read_request(read_request::what::some, SIZE_MAX), limit, ec).data;
    }
    bytes recv(error_code& ec) { return recv(until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_recv(LimitAndToken&&... limit_and_token);

    /// Exactly `n` bytes. 0 yields none immediately. `errc::invalid_argument` for a negative number.
    bytes recv(std::size_t n, const until& limit = {}) { return transfer(own(), exactly(n), limit).data; }
    bytes recv(std::size_t n, const until& limit, error_code& ec)
    {
        return transfer(own(), exactly(n), limit, ec).data;
    }
    template <std::integral N> // so that `recv({}, ec)` means no limit
    bytes recv(N n, error_code& ec)
    {
        return recv(static_cast<std::size_t>(n), until(), ec);
    }
    template <limit_or_token... LimitAndToken>
    auto async_recv(std::size_t n, LimitAndToken&&... limit_and_token);

    /// Fills all of `buffer`; returns its size.
    std::size_t recv_into(std::span<std::byte> buffer, const until& limit = {})
    {
        return transfer(own(), into(read_request::what::into, buffer), limit).transferred;
    }
    std::size_t recv_into(std::span<std::byte> buffer, const until& limit, error_code& ec)
    {
        return transfer(own(), into(read_request::what::into, buffer), limit, ec).transferred;
    }
    std::size_t recv_into(std::span<std::byte> buffer, error_code& ec) { return recv_into(buffer, until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_recv_into(std::span<std::byte> buffer, LimitAndToken&&... limit_and_token);

    /// Fills as much of `buffer` as is there or arrives first, at least one byte; returns how much.
    std::size_t recv_some_into(std::span<std::byte> buffer, const until& limit = {})
    {
        return transfer(own(), into(read_request::what::some_into, buffer), limit).transferred;
    }
    std::size_t recv_some_into(std::span<std::byte> buffer, const until& limit, error_code& ec)
    {
        return transfer(own(), into(read_request::what::some_into, buffer), limit, ec).transferred;
    }
    std::size_t recv_some_into(std::span<std::byte> buffer, error_code& ec)
    {
        return recv_some_into(buffer, until(), ec);
    }
    template <limit_or_token... LimitAndToken>
    auto async_recv_some_into(std::span<std::byte> buffer, LimitAndToken&&... limit_and_token);

    /// Up to and including `separator`, which must not be empty (`errc::invalid_argument`). `errc::too_large` if more
    /// bytes than the limit of this object precede it; they stay in the stream.
    bytes recv_until(std::string_view separator, const until& limit = {})
    {
        return transfer(own(), separated(separator, false), limit).data;
    }
    bytes recv_until(std::string_view separator, const until& limit, error_code& ec)
    {
        return transfer_made(own(), [&] { return separated(separator, false); }, limit, ec).data;
    }
    bytes recv_until(std::string_view separator, error_code& ec) { return recv_until(separator, until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_recv_until(std::string_view separator, LimitAndToken&&... limit_and_token);

    /// One line, without the `end_of_line` that ends it. A last line without one is `errc::truncated`, and stays readable.
    bytes recv_line(const until& limit = {}) { return transfer(own(), separated("\n", true), limit).data; }
    bytes recv_line(const until& limit, error_code& ec) { return recv_line("\n", limit, ec); }
    bytes recv_line(error_code& ec) { return recv_line(until(), ec); }
    bytes recv_line(std::string_view end_of_line, const until& limit = {})
    {
        return transfer(own(), separated(end_of_line, true), limit).data;
    }
    bytes recv_line(std::string_view end_of_line, const until& limit, error_code& ec)
    {
        return transfer_made(own(), [&] { return separated(end_of_line, true); }, limit, ec).data;
    }
    template <limit_or_token... LimitAndToken>
    auto async_recv_line(LimitAndToken&&... limit_and_token);
    template <limit_or_token... LimitAndToken>
    auto async_recv_line(std::string_view end_of_line, LimitAndToken&&... limit_and_token);

    /// `recv_line()`, or nothing at the clean end of the stream: `while (auto line = in.next_line())`.
    std::optional<bytes> next_line(const until& limit = {})
    {
        return next_of(transfer(own(), next_line_request(), limit));
    }
    /// Nothing also on error.
    std::optional<bytes> next_line(const until& limit, error_code& ec)
    {
        auto line = next_of(transfer_made(own(), [&] { return next_line_request(); }, limit, ec));
        return ec ? std::nullopt : std::move(line);
    }
    std::optional<bytes> next_line(error_code& ec) { return next_line(until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_next_line(LimitAndToken&&... limit_and_token);

    /// Everything up to the end of the stream, which may be nothing. `errc::too_large` beyond the limit of this object.
    bytes recv_all(const until& limit = {}) { return transfer(own(), everything(), limit).data; }
    bytes recv_all(const until& limit, error_code& ec) { return transfer(own(), everything(), limit, ec).data; }
    bytes recv_all(error_code& ec) { return recv_all(until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_recv_all(LimitAndToken&&... limit_and_token);

    /// `recv()` if that is possible without waiting, else nothing. Throws for errors and at the end. Pushes the rest of an
    /// interrupted send, as a receive that waits does.
    std::optional<bytes> try_recv()
    {
        transfer_result r;
        if (!run_now(own(), read_request(read_request::what::some, SIZE_MAX), r))
            return std::nullopt;
        return std::move(r.data);
    }

    /// A copy of what was read but not delivered, such as the beginning of a frame after a timeout; perhaps nothing. It
    /// stays in the stream. Waits only for other receives, until `limit`.
    bytes peek_partial(const until& limit = {}) { return transfer(own(), peeking(), limit).data; }
    bytes peek_partial(const until& limit, error_code& ec) { return transfer(own(), peeking(), limit, ec).data; }
    /// Takes the same off the stream. A message reader of the same endpoint then takes the next byte for the beginning of
    /// a frame.
    bytes take_partial(const until& limit = {})
    {
        return transfer(own(), read_request(read_request::what::partial), limit).data;
    }
    bytes take_partial(const until& limit, error_code& ec)
    {
        return transfer(own(), read_request(read_request::what::partial), limit, ec).data;
    }
    template <limit_or_token... LimitAndToken>
    auto async_take_partial(LimitAndToken&&... limit_and_token);

private:
    [[nodiscard]] const channel_ptr& own() const noexcept { return static_cast<const Self&>(*this).channel(); }
    [[nodiscard]] std::size_t most() const noexcept { return static_cast<const Self&>(*this).limits().max_payload(); }

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
    [[nodiscard]] read_request separated(std::string_view separator, bool strip) const
    {
        read_request r(read_request::what::until, most());
        r.separators.emplace_back(separator);
        r.strip = strip;
        return r;
    }
    [[nodiscard]] read_request next_line_request() const
    {
        read_request r = separated("\n", true);
        r.end_is_nothing = true;
        return r;
    }
    [[nodiscard]] read_request everything() const { return read_request(read_request::what::all, most()); }

    static std::optional<bytes> next_of(transfer_result&& r)
    {
        return r.ended ? std::nullopt : std::optional(std::move(r.data));
    }
};

} // namespace detail

/// The receiving end of a stream of bytes. See `endpoint` for what it shares, and `detail::recv_functions` for its calls.
class reader : public endpoint, public detail::recv_functions<reader> {
public:
    reader() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`); see `adopt` for whose the handle
    /// is then.
    explicit reader(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::read)), l)
    {
    }
    /// Shares the channel of another endpoint.
    reader(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}
};

} // namespace ferrule
