// Sending bytes.
#pragma once

#include <ferrule/detail/token.hpp>
#include <ferrule/endpoint.hpp>

#include <new>

namespace ferrule {

namespace detail {

/// The sending functions of `writer` and `duplex`.
///
/// What all of them share:
/// * A send returns when the system has every byte. One deadline covers the whole call, also waiting for another send.
/// * A send that ends early (deadline, stop token, Asio cancellation, error) has put nothing on the wire
///   (`transferred()` is 0), or the endpoint owns a copy of the rest and sends it before anything later: with the next
///   send, `flush`, `close`, or while a receive of the same duplex waits. If the copy cannot be allocated, this and
///   every later send report `errc::torn`.
/// * Errors: `timeout_error`, `cancelled_error`, `closed_error`, `broken_error` (no SIGPIPE is raised), `usage_error`. The
///   functions that take an `error_code` set it instead. The result is always the number of bytes of this send that
///   left.
/// * Any number of threads and coroutines may call them at once: sends never interleave.
/// * The `async_` twins are as described for `recv_functions`.
template <class Self>
class send_functions {
public:
    /// Sends one or several buffers, in order. Nothing to send: returns 0 at once. Where packets have boundaries
    /// (`transfer_kind::message`) the buffers become one packet, which may be empty; `errc::too_large` if the system does
    /// not take one of that size.
    std::size_t send(const buffers& data, const until& limit = {})
    {
        return transfer(own(), request(data), limit).transferred;
    }
    std::size_t send(const buffers& data, const until& limit, error_code& ec)
    {
        return transfer_made(own(), [&] { return request(data); }, limit, ec).transferred;
    }
    std::size_t send(const buffers& data, error_code& ec) { return send(data, until(), ec); }
    /// The same with bytes that the send owns, so that an unsent rest need not be copied.
    std::size_t send(bytes&& data, const until& limit = {})
    {
        return transfer(own(), request(std::move(data)), limit).transferred;
    }
    std::size_t send(bytes&& data, const until& limit, error_code& ec)
    {
        return transfer_made(own(), [&] { return request(std::move(data)); }, limit, ec).transferred;
    }
    std::size_t send(bytes&& data, error_code& ec) { return send(std::move(data), until(), ec); }
    /// `send` without waiting. True: the bytes have left, or the endpoint owns those that have not (`unsent()`). False:
    /// nothing was sent, for lack of room or because another send is under way. Throws for errors.
    [[nodiscard]] bool try_send(const buffers& data)
    {
        write_request r = request(data);
        return run_now(own(), r);
    }
    /// `flush` without waiting: whether nothing is left.
    [[nodiscard]] bool try_flush()
    {
        write_request nothing(write_request::what::flush);
        return run_now(own(), nothing);
    }
    /// `async_send(data [, limit] [, token])`. Temporaries that own their bytes are copied, others must live until
    /// completion.
    template <limit_or_token... LimitAndToken>
    auto async_send(const buffers& data, LimitAndToken&&... limit_and_token);
    template <limit_or_token... LimitAndToken>
    auto async_send(bytes&& data, LimitAndToken&&... limit_and_token);

    /// Sends what an interrupted send left behind.
    void flush(const until& limit = {}) { (void)transfer(own(), write_request(write_request::what::flush), limit); }
    void flush(const until& limit, error_code& ec)
    {
        (void)transfer(own(), write_request(write_request::what::flush), limit, ec);
    }
    void flush(error_code& ec) { flush(until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_flush(LimitAndToken&&... limit_and_token);

    /// Half-close: flushes, then tells the peer that nothing more will come; receiving goes on. An end that only sends
    /// is closed. `errc::unsupported` where the descriptor cannot do it.
    void shutdown_send(const until& limit = {})
    {
        (void)transfer(own(), write_request(write_request::what::shutdown), limit);
    }
    void shutdown_send(const until& limit, error_code& ec)
    {
        (void)transfer(own(), write_request(write_request::what::shutdown), limit, ec);
    }
    void shutdown_send(error_code& ec) { shutdown_send(until(), ec); }
    template <limit_or_token... LimitAndToken>
    auto async_shutdown_send(LimitAndToken&&... limit_and_token);

private:
    [[nodiscard]] const channel_ptr& own() const noexcept { return static_cast<const Self&>(*this).channel(); }

    static write_request request(const buffers& data)
    {
        write_request r(write_request::what::send);
        for (const byte_view part : data.list())
            r.frame.gather(part);
        return r;
    }
    /// For calls that may outlast the expression that makes them.
    static write_request lasting_request(const buffers& data)
    {
        return data.has_temporaries() ? request(data.copy()) : request(data);
    }
    static write_request request(bytes&& data)
    {
        write_request r(write_request::what::send);
        r.frame.keep(std::move(data));
        return r;
    }
};

} // namespace detail

/// The sending end of a stream of bytes. See `endpoint` for what it shares, and `detail::send_functions` for its calls.
class writer : public endpoint, public detail::send_functions<writer> {
public:
    writer() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`); see `adopt` for whose the handle
    /// is then.
    explicit writer(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::write)), l)
    {
    }
    /// Shares the channel of another endpoint.
    writer(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}
};

} // namespace ferrule
