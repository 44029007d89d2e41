#include "platform/datagrams.hpp"

#include "platform/windows/net.hpp"

#include <cstring>

namespace ferrule::os {
namespace {

using namespace windows;

/// Sets the options of a new socket; nothing where there is no value.
class options {
public:
    /// `context` begins the texts of errors.
    options(SOCKET socket, const std::string& context) noexcept : socket_(socket), context_(context) {}

    template <class T>
    void set(const char* what, int level, int name, const std::optional<T>& value) const
    {
        if (value)
            set_bytes(what, level, name, static_cast<int>(*value));
    }
    template <class T>
    void set_bytes(const char* what, int level, int name, const T& value) const
    {
        if (::setsockopt(socket_, level, name, reinterpret_cast<const char*>(&value), sizeof value) != 0)
            detail::throw_in_context(last_socket_error(), context_ + ": " + what);
    }

private:
    SOCKET socket_;
    const std::string& context_;
};

void set_up(const options& o, bool v6, const datagram_settings& s)
{
    const auto if_wanted = [](bool wanted) { return wanted ? std::optional(true) : std::nullopt; };
    const int level = v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP);
    o.set("receive_buffer", SOL_SOCKET, SO_RCVBUF, s.receive_buffer);
    o.set("send_buffer", SOL_SOCKET, SO_SNDBUF, s.send_buffer);
    o.set("reuse_address", SOL_SOCKET, SO_REUSEADDR, if_wanted(s.reuse_address));
    o.set("broadcast", SOL_SOCKET, SO_BROADCAST, if_wanted(s.broadcast));
    o.set("ttl", level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, s.ttl);
    o.set("multicast_ttl", level, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, s.multicast_ttl);
    o.set("multicast_loop", level, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, s.multicast_loop);
    if (v6)
        o.set("only_ipv6", level, IPV6_V6ONLY, s.only_ipv6);
}

} // namespace

bound_datagrams bind_datagrams(const native_address& at, const datagram_settings& s, const std::string& context)
{
    if (at.type != native_address::kind::ip || s.reuse_port || !s.multicast_interface.empty())
        detail::throw_in_context(errc::unsupported, context);
    start_sockets();
    const SOCKET made = ::WSASocketW(as_sockaddr(at)->sa_family, SOCK_DGRAM, 0, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (made == INVALID_SOCKET)
        detail::throw_in_context(last_socket_error(), context);
    unique_socket socket(made);
    set_up(options(made, context), is_ipv6(at), s);
    if (::bind(made, as_sockaddr(at), static_cast<int>(at.bytes.size())) != 0)
        detail::throw_in_context(last_socket_error(), context);
    const packet_address where = packet_address_of(name_of(made, &last_socket_error));
    descriptor d = open_socket(made, true, true);
    (void)socket.release();
    return {std::move(d), where};
}

void set_membership(native_handle_type socket, const packet_address& group, const std::string& interface_name,
                    bool member, const std::string& context)
{
    const native_address g = native_of(group);
    if (g.type != native_address::kind::ip)
        detail::throw_in_context(errc::invalid_argument, context);
    if (!interface_name.empty())
        detail::throw_in_context(errc::unsupported, context);
    const options o(reinterpret_cast<SOCKET>(socket), context);
    const char* const what = member ? "join" : "leave";
    if (is_ipv6(g)) {
        sockaddr_in6 in6;
        std::memcpy(&in6, g.bytes.data(), sizeof in6);
        const ipv6_mreq request{in6.sin6_addr, in6.sin6_scope_id};
        o.set_bytes(what, IPPROTO_IPV6, member ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, request);
    } else {
        sockaddr_in in;
        std::memcpy(&in, g.bytes.data(), sizeof in);
        ip_mreq request{};
        request.imr_multiaddr = in.sin_addr;
        o.set_bytes(what, IPPROTO_IP, member ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request);
    }
}

} // namespace ferrule::os
