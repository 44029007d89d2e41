// What the system knows of a socket. Private.
#pragma once

#include "platform/net.hpp"

#include <cstdint>

namespace ferrule::os {

enum class socket_end : unsigned char { local, peer };
enum class socket_type : unsigned char { stream, datagram, seqpacket };

/// The functions throw `error`: `errc::unsupported` for what is no socket, or where the system does not tell.

struct socket_name {
    native_address address;
    socket_type type;
};
[[nodiscard]] socket_name name_of(native_handle_type socket, socket_end end);

struct process_user {
    std::int64_t pid;
    std::uint32_t uid;
    std::uint32_t gid;
};
[[nodiscard]] process_user peer_of(native_handle_type socket);

[[nodiscard]] int get_option(native_handle_type socket, socket_option o);
void set_option(native_handle_type socket, socket_option o, int value);

} // namespace ferrule::os
