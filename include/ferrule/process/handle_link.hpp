// Passing handles between processes over a unix socket.
#pragma once

#include <ferrule/duplex.hpp>
#include <ferrule/framing/framing.hpp>
#include <ferrule/process/passed_handle.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace ferrule {

namespace detail {
class handle_arrival;
class handle_arrivals;
} // namespace detail

/// The framing of handles, used between the messages of another framing on the same link. A handle travels beside one
/// byte of value 1. Python's `multiprocessing.reduction.send_handle` and `recv_handle` use the same format on Linux. If
/// a framing is named, the byte is 2, followed by the length of the name (one byte) and the name. Python does not
/// expect that form. Both ends must know when a handle comes.
///
/// A handle belongs to the byte that it came with. A receive that ends early leaves both the byte and the handle in the
/// stream.
/// Throws: `frame_error` on receiving, with `errc::malformed` if the next byte does not bring exactly one handle. The
/// code is `errc::packet_truncated` if descriptors ran out or the link overflowed. In both cases the byte is taken off
/// the stream and its handles are closed. Sending reports `errc::unsupported` over anything but a link,
/// `errc::too_large` for a name of more than 255 bytes.
class FERRULE_EXPORT handles {
public:
    using message_type = passed_handle;

    explicit handles(std::shared_ptr<detail::handle_arrivals> a) noexcept : arrivals_(std::move(a)) {}

    decode_result decode(byte_view buffered, const limits&) const noexcept;
    error_code encode(const passed_handle& h, const limits& l, encoded& out) const;
    /// The handles that came with the byte at `position`. Closes those of earlier bytes, which are no longer reachable.
    [[nodiscard]] std::shared_ptr<detail::handle_arrival> attached(std::uint64_t position) const noexcept;
    [[nodiscard]] passed_handle load(const bytes& payload, const std::shared_ptr<detail::handle_arrival>& with) const;

private:
    std::shared_ptr<detail::handle_arrivals> arrivals_;
};

/// A unix stream socket that carries handles, and the framing for them:
///
///     auto [socket, handles] = ferrule::open_handle_link(fd);
///     message_duplex<> messages(socket);
///     messages.send("this is for you");
///     messages.with(handles).send(passed_handle(some_endpoint));
///
///     passed_handle h = messages.with(handles).recv();
///     duplex received(h.open());
///
/// With the name of its framing, an endpoint arrives as what it was:
///
///     messages.with(handles).send(passed_handle(some_endpoint, "lines"));
///     passed_handle h = messages.with(handles).recv();
///     message_duplex received(h.open(), any_framing(h.framing()));
///
/// Unexpected handles, beside the bytes of messages, are closed when the next handle is received, or with the link. A
/// link holds at most 1024 arrived handles, and at most a quarter of the process's descriptor limit. Beyond that the
/// oldest are closed. Arrived handles are close-on-exec.
struct handle_link {
    duplex socket;
    ferrule::handles handles;
};

/// Takes ownership of a connected unix stream socket, as `adopt` does. Throws `usage_error` with
/// `errc::bad_descriptor`, or with `errc::unsupported` for anything else.
[[nodiscard]] FERRULE_EXPORT handle_link open_handle_link(native_handle_type socket);
/// Makes two connected links. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<handle_link, handle_link> handle_link_pair();

} // namespace ferrule
