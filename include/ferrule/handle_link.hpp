// Handles that travel from process to process over a unix socket.
#pragma once

#include <ferrule/duplex.hpp>
#include <ferrule/framing/framing.hpp>
#include <ferrule/socket_like.hpp>

#include <memory>
#include <utility>

namespace ferrule {

namespace detail {
class handle_traffic;
}

/// A handle of this process on its way to or from another one. Owns it. Move-only.
class FERRULE_EXPORT passed_handle {
public:
    passed_handle() noexcept = default;
    /// A duplicate of the endpoint's handle: the endpoint stays as it is. What it has read ahead does not travel. Throws
    /// `error` (`errc::closed`; what the system says).
    explicit passed_handle(const endpoint& e);
    /// Takes a handle over.
    explicit passed_handle(native_handle_type h) noexcept : handle_(h) {}
    passed_handle(passed_handle&& other) noexcept : handle_(other.release()) {}
    passed_handle& operator=(passed_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~passed_handle();

    [[nodiscard]] native_handle_type native_handle() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }
    /// For an endpoint of the kind that it is; see `adopt`.
    [[nodiscard]] descriptor open() { return adopt(release()); }

private:
    native_handle_type handle_ = invalid_handle;
};

/// The framing of handles, between messages of another framing on the same link: one byte, 1, with the handle beside it, as Python's
/// `multiprocessing.reduction.send_handle` and `recv_handle` do on Linux. Both ends have to know when a handle comes.
///
/// Receiving throws `frame_error`: `errc::malformed` if the next byte does not bring exactly one handle,
/// `errc::packet_truncated` if the system could not take over all that came, for lack of descriptors. Either way what came is
/// closed and taken off the stream.
class FERRULE_EXPORT handles {
public:
    using message_type = passed_handle;

    explicit handles(std::shared_ptr<detail::handle_traffic> t) noexcept : traffic_(std::move(t)) {}

    decode_result decode(byte_view buffered, const limits&) const noexcept
    {
        return buffered.empty() ? decode_result::need_more(1) : decode_result::frame(0, 1);
    }
    error_code encode(const passed_handle& h, const limits& l, encoded& out) const;
    [[nodiscard]] passed_handle load(const bytes& payload) const;

private:
    std::shared_ptr<detail::handle_traffic> traffic_;
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
/// Handles that arrive while messages are read are kept until they are asked for, at most 1024, and closed with the link. They are
/// close-on-exec.
struct handle_link {
    duplex socket;
    ferrule::handles handles;
};

/// Takes ownership of a connected unix stream socket, as `adopt` does. Throws `usage_error`: `errc::bad_descriptor`,
/// `errc::unsupported` for anything else.
[[nodiscard]] FERRULE_EXPORT handle_link open_handle_link(native_handle_type socket);
/// Two connected ones. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<handle_link, handle_link> handle_link_pair();

} // namespace ferrule
