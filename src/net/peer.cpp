#include <ferrule/net/peer.hpp>

#include "platform/socket_info.hpp"
#include "src/net/resolve.hpp"

#include <ferrule/detail/requests.hpp>

#include <utility>

namespace ferrule {
namespace {

template <class Ask>
auto with_socket(const endpoint& e, Ask ask)
{
    const detail::handle_use use(e.channel());
    if (use.descriptor() == nullptr)
        throw_error(errc::closed);
    const native_handle_type socket = use.descriptor()->socket();
    if (socket == invalid_handle)
        throw_error(errc::unsupported);
    return ask(socket);
}

address name_of(const endpoint& e, os::socket_end end)
{
    const os::socket_name n = with_socket(e, [&](native_handle_type s) { return os::name_of(s, end); });
    address a = detail::address_of(n.address);
    if (n.type == os::socket_type::stream)
        return a;
    const bool packets = n.type == os::socket_type::seqpacket;
    switch (a.kind()) {
    case address::family::unix_path:
        return packets ? address::unix_seqpacket(a.name()) : address::unix_datagram(a.name());
    case address::family::unix_abstract:
        return packets ? address::unix_seqpacket_abstract(a.name()) : address::unix_datagram_abstract(a.name());
    default: return address::udp(a.name(), a.port());
    }
}

} // namespace

address peer_name(const endpoint& e)
{
    return name_of(e, os::socket_end::peer);
}

address local_name(const endpoint& e)
{
    return name_of(e, os::socket_end::local);
}

credentials peer_credentials(const endpoint& e)
{
    const os::process_user u = with_socket(e, &os::peer_of);
    credentials c;
    c.pid = u.pid;
    c.uid = u.uid;
    c.gid = u.gid;
    return c;
}

int get_option(const endpoint& e, socket_option o)
{
    return with_socket(e, [o](native_handle_type s) { return os::get_option(s, o); });
}

void set_option(const endpoint& e, socket_option o, int value)
{
    with_socket(e, [o, value](native_handle_type s) {
        os::set_option(s, o, value);
        return true;
    });
}

} // namespace ferrule
