// What readers, writers and duplexes have in common.
#pragma once

#include <ferrule/detail/requests.hpp>
#include <ferrule/detail/token.hpp>
#include <ferrule/limits.hpp>
#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// A handle to one end of a connection. Copies share the descriptor, its locks and the buffered input. The end is
/// closed by `close()`, or when the last copy is gone and the operations under way have ended. The latter drops an
/// unsent tail, since destructors never block.
///
/// A handle that was moved from or default-constructed reports `errc::closed`.
///
/// Thread safety: any thread may call any member at any time, except assign to the same handle object.
class endpoint {
public:
    endpoint() noexcept = default;

    /// Closes the end for all handles that share it. Until `timeout`, by default not at all, waits for sends under way
    /// and pushes an unsent tail. Then wakes every thread and coroutine that waits here with `errc::closed`. The
    /// descriptor is released as soon as the last of them has left. Closing again returns 0.
    /// Returns: the number of bytes that did not leave, of the tail and of a send that this call interrupts.
    std::size_t close(const until& timeout = deadline::now()) noexcept { return detail::close(channel_, timeout); }

    /// `async_close([timeout] [, token])` completes with `void(error_code, std::size_t)`, never with an error. Defined
    /// in <ferrule/asio.hpp>.
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_close(TimeoutAndToken&&... timeout_and_token);

    /// Tells your own event loop what to wait for before it calls `try_recv` (reading), `try_send` or `try_flush`
    /// (writing) again. Call it each time such a call has found nothing to do, since buffered input is not considered
    /// and the answer may change. To wait for writing there must be new data or a rest (`unsent() != 0`) to send. Both
    /// directions may return the same handle. Remove the handle from your loop before `close`.
    /// Throws: `error` (`errc::busy`: another operation of this direction is under way), `closed_error`, `usage_error`
    /// (`errc::wrong_direction`).
    [[nodiscard]] readiness arm(direction d) const { return detail::arm(channel_, d); }
    /// Tells the endpoint that the wait has ended or was given up. Only some user-defined types need it, between one
    /// `arm` and the next; it is harmless otherwise.
    void disarm(direction d) const noexcept { detail::disarm(channel_, d); }
    /// The number of bytes of an interrupted send that the endpoint still owns.
    [[nodiscard]] std::size_t unsent() const noexcept { return detail::unsent(channel_); }

    [[nodiscard]] bool is_open() const noexcept { return detail::is_open(channel_); }

    /// The native handle, which the endpoint still owns; `invalid_handle` if the endpoint is closed or has none.
    [[nodiscard]] native_handle_type native_handle() const noexcept { return detail::handle_use(channel_).get(); }

    /// Whether child processes that execute another program inherit the handle. Throws `error`.
    [[nodiscard]] bool inheritable() const { return detail::inheritable(channel_); }
    /// Sets whether child processes inherit the handle; off by default. While it is on, any child started by any thread
    /// inherits the handle. Prefer `spawn`, which passes one handle to one child. Throws `error`.
    void set_inheritable(bool on) { detail::set_inheritable(channel_, on); }

    /// Closes this endpoint and returns its native handle, still open, with the bytes that were read but not delivered.
    /// Waits for operations under way, at most until `timeout`.
    /// Throws: `error`, with `errc::torn` if an unsent tail would be lost (`flush` first).
    [[nodiscard]] std::pair<native_handle_type, bytes> release(const until& timeout = {})
    {
        error_code ec;
        auto r = release(timeout, ec);
        if (ec)
            throw_error(ec);
        return r;
    }
    [[nodiscard]] std::pair<native_handle_type, bytes> release(const until& timeout, error_code& ec)
    {
        std::pair<native_handle_type, bytes> r;
        r.first = detail::release(channel_, timeout, r.second, ec);
        return r;
    }

    [[nodiscard]] const ferrule::limits& limits() const noexcept { return limits_; }

    /// For other parts of ferrule. Null for a handle that was moved from.
    [[nodiscard]] const detail::channel_ptr& channel() const noexcept { return channel_; }

protected:
    endpoint(detail::channel_ptr c, const ferrule::limits& l) noexcept : channel_(std::move(c)), limits_(l) {}
    ~endpoint() = default;
    endpoint(const endpoint&) noexcept = default;
    endpoint(endpoint&&) noexcept = default;
    endpoint& operator=(const endpoint&) noexcept = default;
    endpoint& operator=(endpoint&&) noexcept = default;

private:
    detail::channel_ptr channel_;
    ferrule::limits limits_;
};

} // namespace ferrule
