#include <ferrule/python/multiprocessing/address.hpp>

namespace ferrule::python {

value from_address(const address& a)
{
    switch (a.kind()) {
    case address::family::unix_path:
    case address::family::pipe: return a.name();
    case address::family::unix_abstract: return std::string(1, '\0') + a.name(); // older Pythons accept no bytes
    case address::family::fd:
    case address::family::systemd:
        throw usage_error(errc::invalid_argument, "ferrule: Python cannot connect to " + a.to_string());
    case address::family::tcp: break;
    case address::family::tls:
    case address::family::udp:
    case address::family::unix_datagram:
    case address::family::unix_datagram_abstract:
    case address::family::unix_seqpacket:
    case address::family::unix_seqpacket_abstract:
    case address::family::serial:
    case address::family::rfc2217:
        throw usage_error(errc::unsupported, "ferrule: Python's listeners have no such address: " + a.to_string());
    }
    if (a.has_service())
        throw usage_error(errc::invalid_argument, "ferrule: Python's addresses have no services: " + a.to_string());
    return {a.name(), a.port()};
}

address to_address(const value& v)
{
    const auto without_nul = [](std::string_view s) { return std::string(s.substr(1)); };
    if (v.type() == type::string) {
        const auto path = v.as<std::string_view>();
        if (path.starts_with('\0'))
            return address::unix_abstract(without_nul(path));
        return path.starts_with("\\\\") ? address::pipe(std::string(path)) : address::unix_path(std::string(path));
    }
    if (v.type() == type::bytes && v.as<byte_view>().text().starts_with('\0'))
        return address::unix_abstract(without_nul(v.as<byte_view>().text()));
    if (v.type() == type::tuple && v.size() == 2)
        return address::tcp(v[0].as<std::string>(), v[1].as<std::uint16_t>());
    throw frame_error(errc::invalid_value, v.repr(60) + " is not an address");
}

} // namespace ferrule::python
