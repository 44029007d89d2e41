// What readers, writers and duplexes have in common.
#pragma once

#include <ferrule/detail/requests.hpp>
#include <ferrule/detail/token.hpp>
#include <ferrule/limits.hpp>
#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// A handle to one end of something that moves bytes. Copies share it: its descriptor, its locks and what was read but
/// not delivered. It is closed by `close()`, or when the last copy is gone and the operations under way have ended;
/// that drops an unsent tail, since destructors never block.
///
/// Every member may be called by any thread at any time, except assignment to the same handle object. Members of a
/// handle that was moved from, or made by the default constructor, report `errc::closed`.
class endpoint {
public:
    endpoint() noexcept = default;

    /// Closes for everybody who shares it. Until `limit` (by default not at all) waits for sends under way and pushes out
    /// the unsent tail of an interrupted one. Then wakes every thread and coroutine that waits here with `errc::closed`.
    /// The descriptor is released as soon as the last of them has left. Returns the bytes that did not leave: of the
    /// tail, and of a send that this interrupts. Closing again does nothing and returns 0.
    std::size_t close(const until& limit = deadline::now()) noexcept { return detail::close(channel_, limit); }

    /// `async_close([limit] [, token])` does the same; completes with `void(error_code, std::size_t)`, without an error.
    /// Defined in <ferrule/asio.hpp>.
    template <detail::limit_or_token... LimitAndToken>
    auto async_close(LimitAndToken&&... limit_and_token);

    /// What an event loop of your own waits for before it calls `try_recv` (reading) or `try_send` and `try_flush` (writing)
    /// again. Call it after such a call has found nothing to do: what has been read already is not considered. Each time
    /// anew, since the answer may change. Take the handle out of your loop before `close`.
    /// To wait for writing there has to be something to write: more to send, or a rest (`unsent() != 0`, until `try_flush()`
    /// says true). Both directions may answer the same handle.
    /// Throws `error` (`errc::busy`: another operation of this direction is under way, so there is nothing to wait for
    /// here), `closed_error`, `usage_error` (`errc::wrong_direction`).
    [[nodiscard]] readiness arm(direction d) const { return detail::arm(channel_, d); }
    /// The wait is over, or given up. Only types of your own may need it, between one `arm` and the next; it is harmless
    /// otherwise.
    void disarm(direction d) const noexcept { detail::disarm(channel_, d); }
    /// Bytes of an interrupted send that the endpoint still owns.
    [[nodiscard]] std::size_t unsent() const noexcept { return detail::unsent(channel_); }

    [[nodiscard]] bool is_open() const noexcept { return detail::is_open(channel_); }

    /// The system's handle, which still belongs to the endpoint; `invalid_handle` once closed, or where there is none.
    [[nodiscard]] native_handle_type native_handle() const noexcept { return detail::handle_use(channel_).get(); }

    /// Whether child processes that execute another program get the handle. Throws `error`.
    [[nodiscard]] bool inheritable() const { return detail::inheritable(channel_); }
    /// Off by default. Prefer `spawn`, which hands one handle to one child: while this is on, any child started by any
    /// thread inherits it. Throws `error`.
    void set_inheritable(bool on) { detail::set_inheritable(channel_, on); }

    /// Gives the system's handle away, unclosed, with the bytes that were read but not delivered; then this endpoint is
    /// closed. Waits for operations under way until `limit`. Throws `error`: `errc::torn` if an unsent tail would be
    /// lost (`flush` first).
    [[nodiscard]] std::pair<native_handle_type, bytes> release(const until& limit = {})
    {
        error_code ec;
        auto r = release(limit, ec);
        if (ec)
            throw_error(ec);
        return r;
    }
    [[nodiscard]] std::pair<native_handle_type, bytes> release(const until& limit, error_code& ec)
    {
        std::pair<native_handle_type, bytes> r;
        r.first = detail::release(channel_, limit, r.second, ec);
        return r;
    }

    [[nodiscard]] const ferrule::limits& limits() const noexcept { return limits_; }

    /// For the parts of ferrule that build on this. Null for a handle that was moved from.
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
