// Streams through memory that two processes share.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/detail/pending_call.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/message.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace ferrule {

/// How memory is shared, written in place: `shared_memory_options().capacity(1 << 20)`.
class shared_memory_options {
public:
    /// The bytes on their way that this side can have sent and the peer not received, from 4096 to 2^40. Rounded up to a
    /// power of two. So much memory is taken at once, and no more. Default: 1 MiB.
    /// Throws `usage_error` (`errc::invalid_argument`).
    FERRULE_EXPORT shared_memory_options& capacity(std::size_t bytes);
    /// The largest capacity that is accepted of the peer, whose memory it is. Default: 1 GiB.
    shared_memory_options& max_peer_capacity(std::size_t bytes) noexcept
    {
        max_peer_capacity_ = bytes;
        return *this;
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t max_peer_capacity() const noexcept { return max_peer_capacity_; }

    friend bool operator==(const shared_memory_options&, const shared_memory_options&) = default;

private:
    std::size_t capacity_ = std::size_t{1} << 20;
    std::size_t max_peer_capacity_ = std::size_t{1} << 30;
};

namespace detail {

class shared_memory_outcome : public work_outcome {
public:
    [[nodiscard]] duplex take() { return duplex(std::move(*made)); }

    std::optional<descriptor> made;
};

/// Begins to agree with the peer. Whatever fails, the result says.
[[nodiscard]] FERRULE_EXPORT channel_ptr begin_sharing(const duplex& with, const shared_memory_options& o,
                                                       std::shared_ptr<shared_memory_outcome> r);

[[nodiscard]] inline pending_call<shared_memory_outcome> sharing(const duplex& with, const shared_memory_options& o)
{
    auto r = std::make_shared<shared_memory_outcome>();
    return {begin_sharing(with, o, r), r};
}

} // namespace detail

/// Makes a stream to the process at the other end of a unix stream socket, which calls the same. Bytes go through memory
/// that both have mapped, one ring for each direction, and no system call moves them. A side that has to wait sleeps in
/// the system, and is woken by a pipe. The result is a `duplex` as any other: it has all calls, framings and promises.
///
/// `link` must be a connected AF_UNIX stream socket, such as an end of a `socketpair`, or an accepted one. It stays open and
/// the caller's, and may be used or closed afterwards. Both sides must call at the same point of what they say on it:
/// nothing may be read ahead or unsent, and nobody else may use it meanwhile. The memory has no name, and goes with the last
/// of the two.
///
/// Blocks until the peer has agreed, or `timeout` has passed. After a timeout, a cancel or `errc::malformed` the link has
/// said half of it, so close it. After any other error it is as before, if the peer has called as well.
/// Throws: `timeout_error`, `cancelled_error`, `closed_error`; `usage_error` with `errc::unsupported` for another kind of
/// endpoint, on Windows, and if the peer cannot map the memory, `errc::read_ahead`, `errc::torn`, `errc::busy`; `frame_error`
/// with `errc::malformed` if the peer does not do the same, and `errc::too_large` if either side refuses the capacity of
/// the other; else `error`.
/// Thread safety: any thread or coroutine may call it at any time.
///
/// The peer is not trusted: it can send any bytes, but not make this side touch other memory. What the peer has changed in
/// the ring behind its back is an error with `errc::malformed`. A peer that dies without closing is an error (ECONNRESET,
/// `condition::broken`) after all that it has sent; it is noticed by who waits. What was sent to it is lost.
/// A child made by `fork` must leave the stream to its parent; its calls there fail with `errc::forked`.
///
///     auto [ours, theirs] = socketpair();            // and a child that has the other end
///     duplex fast = share_memory(ours, {}, 5s);
///     message_duplex<> messages(fast);
inline duplex share_memory(const duplex& link, const shared_memory_options& o = {}, const until& timeout = {})
{
    return detail::sharing(link, o).wait(timeout);
}
/// Returns an empty `duplex` on error.
inline duplex share_memory(const duplex& link, const shared_memory_options& o, const until& timeout, error_code& ec)
{
    try {
        return detail::sharing(link, o).wait(timeout, ec);
    } catch (...) {
        ec = detail::thrown_code();
    }
    return duplex();
}
/// `async_share_memory(link, options [, timeout] [, token])` completes with `void(error_code, duplex)`. Otherwise as
/// `share_memory`. Defined in <ferrule/asio.hpp>.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_share_memory(const duplex& link, const shared_memory_options& o, TimeoutAndToken&&... timeout_and_token)
{
    return detail::sharing(link, o).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule
