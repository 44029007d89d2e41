// Sending without waiting for the peer, up to a high-water mark.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/writer.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace ferrule {

/// Options of `buffered_writer`, written in place: `buffered_writer_options().water_marks(1 << 20)`.
class buffered_writer_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    buffered_writer_options() = default;

    /// In bytes: the queue holds at most `high`, and once it was full, sends wait until it holds at most `low`. Default:
    /// 64 KiB and 16 KiB. Throws `usage_error` (`errc::invalid_argument`) unless `low < high`.
    buffered_writer_options& water_marks(std::size_t high, std::size_t low)
    {
        if (low >= high)
            throw_error(errc::invalid_argument);
        high_ = high;
        low_ = low;
        return *this;
    }
    /// The low mark is a quarter of the high mark.
    buffered_writer_options& water_marks(std::size_t high) { return water_marks(high, high / 4); }
    /// `f(error, lost)` is called once if sending fails in the background; `lost` bytes of the queue have not left. It is
    /// called by a thread of the executor, or by the thread that destroys its context. It must not throw.
    buffered_writer_options& on_error(std::function<void(error_code, std::size_t)> f)
    {
        on_error_ = std::move(f);
        return *this;
    }

    [[nodiscard]] std::size_t high_water_mark() const noexcept { return high_; }
    [[nodiscard]] std::size_t low_water_mark() const noexcept { return low_; }
    [[nodiscard]] const std::function<void(error_code, std::size_t)>& on_error() const noexcept { return on_error_; }

private:
    std::size_t high_ = 64 * 1024;
    std::size_t low_ = 16 * 1024;
    std::function<void(error_code, std::size_t)> on_error_;
};

namespace detail {

[[nodiscard]] FERRULE_EXPORT descriptor queue_over(boost::asio::any_io_executor ex, const writer& to,
                                                   const buffered_writer_options& o);

} // namespace detail

/// A writer with a bounded queue in front of another. Sends copy into the queue. An operation on the executor sends what
/// is queued, as much as possible at a time. No thread is started.
///
/// Other than with a plain writer:
/// * A send returns when the queue has the bytes, so errors come later. After an error every call reports it, and
///   `unsent()` is the number of bytes that were lost. `buffered_writer_options::on_error` is told as well.
/// * A send that does not fit waits until the queue has fallen to the low-water mark (`try_send` returns false). One of
///   at most high − low bytes enters the queue whole or not at all. A larger one enters in pieces. Memory: twice the
///   high-water mark, and the rest of one interrupted send.
/// * `unsent()` includes the queue.
/// * `flush`, `shutdown_send` and `close(timeout)` wait until the queue is empty, and other sends wait for them. A
///   `shutdown_send` that is interrupted happens nevertheless, when the queue has left.
/// * After `close()`, or when the last handle is gone, the queue still leaves in the background. To drop it, close the
///   endpoint beneath, which also closes it for the peer. Else that endpoint is open as long as it has other handles.
///
/// For messages: `message_writer<lines> out(buffered)`. Nobody else may send on the endpoint beneath meanwhile; to
/// receive from it is fine. If the context is destroyed, that is an error (`errc::closed`) as any other. A context that
/// nobody runs sends nothing: blocking calls belong on other threads than the context's.
/// Thread safety: that of `writer`.
///
///     buffered_writer out(context.get_executor(), peer);
///     for (const std::string& line : report)
///         co_await out.async_send(line); // copies, and waits only if the queue is full
///     co_await out.async_flush();        // until all has left
class buffered_writer : public writer {
public:
    buffered_writer() noexcept = default;
    /// Shares the endpoint `to`, such as a `duplex`, which must be a stream. Throws `usage_error` (`errc::unsupported`:
    /// it has packets), `closed_error`, `error`.
    buffered_writer(boost::asio::any_io_executor ex, const writer& to, const buffered_writer_options& o = {})
        : writer(detail::queue_over(std::move(ex), to, o), to.limits())
    {
    }

    /// Returns immediately unless the queue is full, or a send waits for room. Then waits until the queue has fallen to
    /// the low-water mark. Throws as `send`.
    /// Cancellation: changes nothing.
    void drain(const until& timeout = {}) { (void)detail::transfer(channel(), draining(), timeout); }
    void drain(const until& timeout, error_code& ec) { (void)detail::transfer(channel(), draining(), timeout, ec); }
    void drain(error_code& ec) { drain(until(), ec); }
    /// Like `drain`, but never waits. Returns whether a send would be accepted. Throws on errors.
    [[nodiscard]] bool try_drain()
    {
        detail::write_request nothing = draining();
        return detail::run_now(channel(), nothing);
    }
    /// `async_drain([timeout] [, token])`
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_drain(TimeoutAndToken&&... timeout_and_token)
    {
        return detail::async_transfer(channel(), draining(), detail::to_sent(),
                                      std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

private:
    static detail::write_request draining() noexcept
    {
        return detail::write_request(detail::write_request::what::drain);
    }
};

} // namespace ferrule
