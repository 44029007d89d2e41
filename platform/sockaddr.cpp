#include "platform/sockaddr.hpp"

#include <ferrule/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace ferrule::os {

native_address unix_sockaddr(native_address::kind k, const std::string& name)
{
    const bool is_path = k == native_address::kind::unix_path;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const std::string path = is_path ? name : std::string(1, '\0') + name;
    const std::size_t size = path.size() + (is_path ? 1 : 0);
    if (size > sizeof un.sun_path || name.empty() || (is_path && path.find('\0') != path.npos))
        throw error(errc::invalid_argument, "unix socket '" + name + "'");
    std::memcpy(un.sun_path, path.data(), path.size());
    const auto* const begin = reinterpret_cast<const std::byte*>(&un);
    return {k, std::vector<std::byte>(begin, begin + offsetof(sockaddr_un, sun_path) + size)};
}

bool is_ipv6(const native_address& a) noexcept
{
    return a.type == native_address::kind::ip && as_sockaddr(a)->sa_family == AF_INET6;
}

bool is_same_family(const native_address& a, const native_address& b) noexcept
{
    const auto is_pipe = [](const native_address& n) { return n.type == native_address::kind::pipe; };
    if (is_pipe(a) || is_pipe(b))
        return is_pipe(a) == is_pipe(b);
    return as_sockaddr(a)->sa_family == as_sockaddr(b)->sa_family && a.packets == b.packets;
}

std::pair<int, int> name_of(socket_option o)
{
    switch (o) {
    case socket_option::no_delay: return {IPPROTO_TCP, TCP_NODELAY};
    case socket_option::keep_alive: return {SOL_SOCKET, SO_KEEPALIVE};
    case socket_option::receive_buffer: return {SOL_SOCKET, SO_RCVBUF};
    case socket_option::send_buffer: return {SOL_SOCKET, SO_SNDBUF};
    }
    throw_error(errc::invalid_argument);
}

native_address native_of(const sockaddr_storage& storage, socklen_t size)
{
    using kind = native_address::kind;
    const auto* const begin = reinterpret_cast<const std::byte*>(&storage);
    const auto n = static_cast<std::size_t>(size);
    constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
    // A socket without a name has an empty path.
    const bool is_path = n <= path_at || begin[path_at] != std::byte();
    return {storage.ss_family != AF_UNIX ? kind::ip
            : is_path                    ? kind::unix_path
                                         : kind::unix_abstract,
            std::vector<std::byte>(begin, begin + n)};
}

void set_port(native_address& a, std::uint16_t port) noexcept
{
    // Both families have it at the same place.
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    const std::uint16_t in_order = htons(port);
    std::memcpy(a.bytes.data() + offsetof(sockaddr_in, sin_port), &in_order, sizeof in_order);
}

address_text text_of(const native_address& a)
{
    const std::string_view raw = byte_view(a.bytes).text();
    constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
    switch (a.type) {
    case native_address::kind::pipe: return {std::string(raw)};
    case native_address::kind::unix_abstract: return {std::string(raw.substr(std::min(path_at + 1, raw.size())))};
    case native_address::kind::unix_path: return {std::string(raw.substr(path_at)).c_str()};
    case native_address::kind::ip: break;
    }
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (::getnameinfo(as_sockaddr(a), static_cast<socklen_t>(a.bytes.size()), host.data(), host.size(), port.data(),
                      port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        throw_error(errc::bad_descriptor);
    return {host.data(), static_cast<std::uint16_t>(std::atoi(port.data()))};
}

} // namespace ferrule::os
