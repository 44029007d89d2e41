#include "platform/datagrams.hpp"

namespace ferrule::os {

bound_datagrams bind_datagrams(const native_address&, const datagram_settings&, const std::string& context)
{
    detail::throw_in_context(errc::unsupported, context);
}

void set_membership(native_handle_type, const packet_address&, const std::string&, bool, const std::string& context)
{
    detail::throw_in_context(errc::unsupported, context);
}

} // namespace ferrule::os
