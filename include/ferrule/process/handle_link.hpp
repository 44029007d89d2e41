// Handles that travel from process to process over a unix socket.
#pragma once

#include <ferrule/duplex.hpp>
#include <ferrule/framing/framing.hpp>
#include <ferrule/socket_like.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace ferrule {

namespace detail {
class handle_arrival;
class handle_arrivals;
} // namespace detail

/// A handle of this process on its way to or from another one, and the name of the framing that is spoken there, if the sender
/// says so. Owns the handle. Move-only.
class FERRULE_EXPORT passed_handle {
public:
    passed_handle() noexcept = default;
    /// A duplicate of the endpoint's handle: the endpoint stays as it is. Throws `error`: `errc::closed`, `errc::read_ahead`,
    /// `errc::torn` (it has not sent a frame whole), `errc::busy` (a receive or a send is under way), what the
    /// system says.
    explicit passed_handle(const endpoint& e, std::string framing = {});
    /// Takes a handle over.
    explicit passed_handle(native_handle_type h, std::string framing = {}) noexcept
        : handle_(h),
          framing_(std::move(framing))
    {
    }
    passed_handle(passed_handle&& other) noexcept : handle_(other.release()), framing_(std::move(other.framing_)) {}
    passed_handle& operator=(passed_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        framing_.swap(other.framing_);
        return *this;
    }
    ~passed_handle();

    [[nodiscard]] native_handle_type native_handle() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }
    /// A name, such as those of `any_framing`; empty if the sender did not say.
    [[nodiscard]] const std::string& framing() const noexcept { return framing_; }
    /// For an endpoint of the kind that it is. Throws what `adopt` throws, and keeps the handle then. An endpoint that cannot use it
    /// closes it.
    [[nodiscard]] descriptor open()
    {
        descriptor d = detail::own(handle_);
        (void)release();
        return d;
    }

private:
    native_handle_type handle_ = invalid_handle;
    std::string framing_;
};

/// The framing of handles, between messages of another framing on the same link: one byte, 1, with the handle beside it, as Python's
/// `multiprocessing.reduction.send_handle` and `recv_handle` do on Linux. With the name of a framing, which Python does not
/// expect, it is 2 instead, and the length of the name (one byte) and the name follow. Both ends have to know when a handle
/// comes. `errc::too_large`: a name of more than 255 bytes.
///
/// A handle belongs to the byte that it came with. A receive throws `frame_error`: `errc::malformed` if the next byte does not
/// bring exactly one handle, `errc::packet_truncated` if the system could not take over all that came, for lack of descriptors, or
/// if more came than a link holds. Either way the byte is taken off the stream, and what came with it is closed. A receive that
/// ends early leaves the byte in the stream, and the handle with it. Sending over anything but a link is `errc::unsupported`.
class FERRULE_EXPORT handles {
public:
    using message_type = passed_handle;

    explicit handles(std::shared_ptr<detail::handle_arrivals> a) noexcept : arrivals_(std::move(a)) {}

    decode_result decode(byte_view buffered, const limits&) const noexcept;
    error_code encode(const passed_handle& h, const limits& l, encoded& out) const;
    /// What came with the byte at this position. Closes what came with bytes before it, which nobody can ask for any more.
    [[nodiscard]] std::shared_ptr<detail::handle_arrival> attached(std::uint64_t position) const noexcept;
    [[nodiscard]] passed_handle load(const bytes& payload, const std::shared_ptr<detail::handle_arrival>& with) const;

private:
    std::shared_ptr<detail::handle_arrivals> arrivals_;
};

/// A unix stream socket over which handles travel, and the framing that takes them:
///
///     auto [socket, handles] = ferrule::open_handle_link(fd);
///     message_duplex<> messages(socket);
///     messages.send("this is for you");
///     messages.with(handles).send(passed_handle(some_endpoint));
///
///     passed_handle h = messages.with(handles).recv();
///     duplex received(h.open());
///
/// With its framing, an endpoint arrives as what it was:
///
///     messages.with(handles).send(passed_handle(some_endpoint, "lines"));
///     passed_handle h = messages.with(handles).recv();
///     message_duplex received(h.open(), any_framing(h.framing()));
///
/// Handles that nobody expects, beside the bytes of messages, are closed when the next handle is received, or with the link. A link
/// holds at most 1024 that have arrived, and at most a quarter of the descriptors that this process may have; if more
/// come, the oldest are closed. They are close-on-exec.
struct handle_link {
    duplex socket;
    ferrule::handles handles;
};

namespace detail {

/// The parts of a link.
struct link_parts {
    descriptor socket;
    ferrule::handles handles;
};
[[nodiscard]] FERRULE_EXPORT link_parts open_link(native_handle_type socket);

} // namespace detail

/// Takes ownership of a connected unix stream socket, as `adopt` does. Throws `usage_error`: `errc::bad_descriptor`,
/// `errc::unsupported` for anything else.
[[nodiscard]] FERRULE_EXPORT handle_link open_handle_link(native_handle_type socket);
/// Two connected ones. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<handle_link, handle_link> handle_link_pair();

} // namespace ferrule
