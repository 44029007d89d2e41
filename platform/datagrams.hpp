// Sockets whose packets bring and take addresses. Private.
#pragma once

#include "platform/net.hpp"

#include <ferrule/detail/datagram_settings.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ferrule::os {

/// A socket address in place: the first `size` bytes of `bytes` are a sockaddr. The largest is that of a unix socket.
/// Without bytes it is that of a unix socket that is bound to none.
struct packet_address {
    std::array<std::byte, 110> bytes;
    std::uint8_t size;
};
/// What stands before the payload of a packet that was received. With an error, the packet is a report of the system,
/// has no payload, and concerns what was sent to the address.
struct packet_header {
    packet_address peer;
    std::array<std::byte, sizeof(int)> error; // an `int` of the system's category, 0 if there is none
};
static_assert(alignof(packet_header) == 1); // it stands at any place of a buffer

/// Throws `error` (`errc::invalid_argument`) if it does not fit.
[[nodiscard]] packet_address packet_address_of(const native_address& a);
/// The packet's address, which must have bytes.
[[nodiscard]] native_address native_of(const packet_address& a);
/// The address of a unix socket whose name the system is to choose.
[[nodiscard]] native_address any_unix_address();

using detail::datagram_settings;
struct bound_datagrams {
    descriptor socket;
    packet_address where; // with what the system has chosen
};
/// Binds a socket, which is not inherited. Its descriptor is of kind `message`, and closing it removes what was created
/// in the file system. A packet read is a `packet_header` and the payload. A packet written is a `packet_address` and
/// the payload, of which alone the result counts the bytes; the address must be in the first buffer.
/// Throws `error`, whose text begins with `context`; `errc::unsupported` on systems where this does not exist.
[[nodiscard]] bound_datagrams bind_datagrams(const native_address& at, const datagram_settings& s,
                                             const std::string& context);
/// Joins a multicast group, or leaves it. `group` is an IP address, whose port is ignored. The system chooses the
/// interface if the name is empty. Throws `error`, whose text begins with `context`.
void set_membership(native_handle_type socket, const packet_address& group, const std::string& interface_name,
                    bool member, const std::string& context);

} // namespace ferrule::os
