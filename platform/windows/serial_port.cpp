// Serial ports of this machine.
#include "platform/serial/line.hpp"

namespace ferrule::serial {

std::shared_ptr<line> open_port(const std::string& path, const serial_settings&)
{
    detail::throw_in_context(errc::unsupported, "ferrule: serial port " + path);
}

} // namespace ferrule::serial
