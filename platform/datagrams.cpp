#include "platform/datagrams.hpp"

#include "platform/sockaddr.hpp"

#include <algorithm>
#include <cstddef>

namespace ferrule::os {

packet_address packet_address_of(const native_address& a)
{
    packet_address p{};
    static_assert(sizeof(sockaddr_un) <= sizeof p.bytes && sizeof(sockaddr_in6) <= sizeof p.bytes);
    if (a.bytes.size() > p.bytes.size())
        throw_error(errc::invalid_argument);
    std::ranges::copy(a.bytes, p.bytes.begin());
    p.size = static_cast<std::uint8_t>(a.bytes.size());
    return p;
}

native_address native_of(const packet_address& a)
{
    native_address n{native_address::kind::ip, {a.bytes.begin(), a.bytes.begin() + a.size}};
    if (as_sockaddr(n)->sa_family == AF_UNIX) {
        constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
        const bool is_abstract = a.size <= path_at || a.bytes[path_at] == std::byte{0};
        n.type = is_abstract ? native_address::kind::unix_abstract : native_address::kind::unix_path;
    }
    return n;
}

native_address any_unix_address()
{
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const auto* const begin = reinterpret_cast<const std::byte*>(&un);
    return {native_address::kind::unix_abstract,
            std::vector<std::byte>(begin, begin + offsetof(sockaddr_un, sun_path))};
}

} // namespace ferrule::os
