// Sending bytes.
#pragma once

#include <ferrule/detail/token.hpp>
#include <ferrule/endpoint.hpp>

#include <new>

namespace ferrule {

namespace detail {

/// The sending functions of `writer` and `duplex`.
///
/// These rules hold for all of them:
/// * A send returns when the system has accepted every byte.
/// * One timeout covers the whole call, including the wait for another send. Zero means "only if possible immediately".
/// * The result is the number of bytes of this send that have left, also on error. The functions that take an
///   `error_code` set it instead of throwing.
/// * The `async_` twins work as described for `recv_functions`.
///
/// Throws: `timeout_error`, `cancelled_error`, `closed_error`, `broken_error` (no SIGPIPE is raised), `usage_error`,
/// else `error`.
/// Thread safety: any number of threads and coroutines may call at the same time. Sends never interleave.
/// Cancellation: a send that ends early (timeout, stop token, Asio cancellation, error) has put nothing on the wire, or
/// the endpoint owns a copy of the rest. In the first case `transferred()` is 0. The rest goes out before anything
/// later: on the next send, `flush` or `close`, or while a receive of the same duplex waits. If the copy cannot be
/// allocated, this and every later send report `errc::torn`.
template <class Self>
class send_functions {
public:
    /// Sends one or several buffers, in order. Returns 0 immediately if they are empty. Where packets have boundaries
    /// (`transfer_kind::message`) the buffers become one packet, which may be empty. Reports `errc::too_large` if the
    /// system does not accept a packet of that size.
    std::size_t send(const buffers& data, const until& timeout = {})
    {
        return transfer(own(), request(data), timeout).transferred;
    }
    std::size_t send(const buffers& data, const until& timeout, error_code& ec)
    {
        return transfer_made(own(), [&] { return request(data); }, timeout, ec).transferred;
    }
    std::size_t send(const buffers& data, error_code& ec) { return send(data, until(), ec); }
    /// Takes ownership of the bytes, so that an unsent rest need not be copied.
    std::size_t send(bytes&& data, const until& timeout = {})
    {
        return transfer(own(), request(std::move(data)), timeout).transferred;
    }
    std::size_t send(bytes&& data, const until& timeout, error_code& ec)
    {
        return transfer_made(own(), [&] { return request(std::move(data)); }, timeout, ec).transferred;
    }
    std::size_t send(bytes&& data, error_code& ec) { return send(std::move(data), until(), ec); }
    /// Like `send`, but never waits. Throws on errors.
    /// Returns: true if the bytes have left or the endpoint owns the rest (`unsent()`). False if nothing was sent,
    /// because there was no room or another send is under way.
    [[nodiscard]] bool try_send(const buffers& data)
    {
        write_request r = request(data);
        return run_now(own(), r);
    }
    /// Like `flush`, but never waits. Returns true if nothing is left to send. Throws on errors.
    [[nodiscard]] bool try_flush()
    {
        write_request nothing(write_request::what::flush);
        return run_now(own(), nothing);
    }
    /// `async_send(data [, timeout] [, token])`. Temporaries that own their bytes are copied; other buffers must live
    /// until completion.
    template <timeout_or_token... TimeoutAndToken>
    auto async_send(const buffers& data, TimeoutAndToken&&... timeout_and_token);
    template <timeout_or_token... TimeoutAndToken>
    auto async_send(bytes&& data, TimeoutAndToken&&... timeout_and_token);

    /// Sends the unsent tail of an interrupted send.
    void flush(const until& timeout = {}) { (void)transfer(own(), write_request(write_request::what::flush), timeout); }
    void flush(const until& timeout, error_code& ec)
    {
        (void)transfer(own(), write_request(write_request::what::flush), timeout, ec);
    }
    void flush(error_code& ec) { flush(until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_flush(TimeoutAndToken&&... timeout_and_token);

    /// Half-closes the connection. Flushes, then tells the peer that no more bytes follow; receiving continues. An
    /// endpoint that only sends is closed. Reports `errc::unsupported` where the descriptor has no half-close.
    void shutdown_send(const until& timeout = {})
    {
        (void)transfer(own(), write_request(write_request::what::shutdown), timeout);
    }
    void shutdown_send(const until& timeout, error_code& ec)
    {
        (void)transfer(own(), write_request(write_request::what::shutdown), timeout, ec);
    }
    void shutdown_send(error_code& ec) { shutdown_send(until(), ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_shutdown_send(TimeoutAndToken&&... timeout_and_token);

private:
    [[nodiscard]] const channel_ptr& own() const noexcept { return static_cast<const Self&>(*this).channel(); }

    static write_request request(const buffers& data)
    {
        write_request r(write_request::what::send);
        for (const byte_view part : data.list())
            r.frame.append_view(part);
        return r;
    }
    /// For calls that may outlive the calling expression.
    static write_request lasting_request(const buffers& data)
    {
        return data.has_temporaries() ? request(data.copy()) : request(data);
    }
    static write_request request(bytes&& data)
    {
        write_request r(write_request::what::send);
        r.frame.append_owned(std::move(data));
        return r;
    }
};

} // namespace detail

/// The sending end of a stream of bytes. The calls are in `detail::send_functions`, what all endpoints share in
/// `endpoint`.
class writer : public endpoint, public detail::send_functions<writer> {
public:
    writer() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`). An adopted
    /// handle then belongs to the caller again.
    explicit writer(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::write)), l)
    {
    }
    /// Shares the channel of another endpoint.
    writer(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}
};

} // namespace ferrule
