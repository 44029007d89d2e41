// What the system knows of a socket: its names, who is at the other end, its options.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/detail/socket_settings.hpp>
#include <ferrule/endpoint.hpp>
#include <ferrule/net/address.hpp>

#include <cstdint>

namespace ferrule {

/// The functions below ask the system about the socket of an endpoint, or beneath its TLS. They never wait.
/// Throw: `closed_error`; `usage_error` (`errc::unsupported`) if it is no socket, or the system does not tell; else
/// `error` with the system's error, such as ENOTCONN.
/// Thread safety: any thread may call them at any time.

/// The address of the other end. A unix socket without a name has an empty path; most clients and pairs are such.
[[nodiscard]] FERRULE_EXPORT address peer_name(const endpoint& e);
/// The address of this end.
[[nodiscard]] FERRULE_EXPORT address local_name(const endpoint& e);

/// The process at the other end, as it was when it connected or listened.
class credentials {
public:
    credentials() = default;

    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};
/// Who is at the other end of a unix socket.
/// Platform: Linux; `errc::unsupported` elsewhere.
[[nodiscard]] FERRULE_EXPORT credentials peer_credentials(const endpoint& e);

/// The value of an option, and another value for it.
[[nodiscard]] FERRULE_EXPORT int get_option(const endpoint& e, socket_option o);
FERRULE_EXPORT void set_option(const endpoint& e, socket_option o, int value);

} // namespace ferrule
