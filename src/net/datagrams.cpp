#include <ferrule/net/datagrams.hpp>

#include "platform/datagrams.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

namespace ferrule {
namespace {

static_assert(std::is_trivially_copyable_v<datagram_address> &&
              sizeof(datagram_address) == sizeof(os::packet_address) && alignof(datagram_address) == 1);

os::native_address native_of(const address& a)
{
    switch (a.kind()) {
    case address::family::unix_datagram: return os::unix_address(a.name());
    case address::family::unix_datagram_abstract:
        return a.name().empty() ? os::any_unix_address() : os::abstract_address(a.name());
    case address::family::udp: {
        error_code ec;
        const std::vector<os::native_address> all = os::look_up(a.name(), a.service(), true, ec, true);
        if (all.empty())
            throw_error(ec == boost::system::errc::not_enough_memory ? ec : errc::invalid_argument);
        return all.front();
    }
    default: throw_error(errc::unsupported);
    }
}

std::string context_of(const datagram_address& a)
{
    return "ferrule: " + a.to_string();
}

} // namespace

datagram_address::datagram_address(const ferrule::address& a)
{
    try {
        *this = std::bit_cast<datagram_address>(os::packet_address_of(native_of(a)));
    } catch (const error& e) {
        const char* const cure = a.kind() == address::family::tls ? "; use ferrule::tls::connect" : "";
        detail::throw_in_context(e.code(), "ferrule: " + a.to_string() + ": no address for datagrams" + cure);
    }
}

address datagram_address::to_address() const
{
    if (is_unnamed())
        throw_error(errc::invalid_argument);
    const os::native_address n = os::native_of(std::bit_cast<os::packet_address>(*this));
    os::address_text t = os::text_of(n);
    switch (n.type) {
    case os::native_address::kind::unix_path: return address::unix_datagram(std::move(t.name));
    case os::native_address::kind::unix_abstract: return address::unix_datagram_abstract(std::move(t.name));
    default: return address::udp(std::move(t.name), t.port);
    }
}

std::string datagram_address::to_string() const
{
    return is_unnamed() ? "unnamed" : to_address().to_string();
}

descriptor detail::bind_datagrams(const datagram_address& at, const datagram_options& o, datagram_address& bound)
{
    if (at.is_unnamed())
        throw_error(errc::invalid_argument);
    os::bound_datagrams b =
        os::bind_datagrams(os::native_of(std::bit_cast<os::packet_address>(at)), o.settings(), context_of(at));
    bound = std::bit_cast<datagram_address>(b.where);
    return std::move(b.socket);
}

datagram_address detail::take_peer(bytes& packet)
{
    constexpr std::size_t header_size = sizeof(os::packet_header);
    if (packet.size() < header_size)
        throw_error(errc::bad_descriptor); // no socket for datagrams reads such a packet
    datagram_address peer;
    int e;
    std::memcpy(&peer, packet.data() + offsetof(os::packet_header, peer), sizeof peer);
    std::memcpy(&e, packet.data() + offsetof(os::packet_header, error), sizeof e);
    packet.drop_front(header_size);
    if (e != 0)
        throw_in_context({e, boost::system::system_category()}, context_of(peer));
    return peer;
}

void detail::set_membership(const channel_ptr& c, const datagram_address& group, const std::string& interface_name,
                            bool member)
{
    const handle_use use(c);
    if (use.get() == invalid_handle)
        throw_error(errc::closed);
    os::set_membership(use.get(), std::bit_cast<os::packet_address>(group), interface_name, member, context_of(group));
}

} // namespace ferrule
