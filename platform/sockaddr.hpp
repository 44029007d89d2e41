// Socket addresses, which have the same form on all systems. Private.
#pragma once

#include "platform/net.hpp"

#if defined(_WIN32)
#include <winsock2.h>

#include <afunix.h>
#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif

#include <utility>

namespace ferrule::os {

[[nodiscard]] inline const sockaddr* as_sockaddr(const native_address& a) noexcept
{
    return reinterpret_cast<const sockaddr*>(a.bytes.data());
}

/// A unix address. A path ends with a NUL; an abstract name ends with the address. Throws `error`.
[[nodiscard]] native_address unix_sockaddr(native_address::kind k, const std::string& name);
/// The level and the name of an option.
[[nodiscard]] std::pair<int, int> name_of(socket_option o);
/// What the system has filled in.
[[nodiscard]] native_address native_of(const sockaddr_storage& storage, socklen_t size);
/// The address of a bound socket. Throws `error`.
template <class Socket>
[[nodiscard]] native_address name_of(Socket s, error_code (*last_error)() noexcept)
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(s, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        throw_error(last_error());
    return native_of(storage, size);
}
/// The addresses in the list that getaddrinfo or GetAddrInfoW returns.
template <class Info>
[[nodiscard]] std::vector<native_address> addresses_of(const Info* found)
{
    std::vector<native_address> all;
    for (; found != nullptr; found = found->ai_next) {
        const auto* const begin = reinterpret_cast<const std::byte*>(found->ai_addr);
        all.push_back({native_address::kind::ip, std::vector<std::byte>(begin, begin + found->ai_addrlen)});
    }
    return all;
}

} // namespace ferrule::os
