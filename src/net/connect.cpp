#include <ferrule/net/connect.hpp>

#include "src/net/connector.hpp"

#include <ferrule/net/serial_port.hpp>

namespace ferrule {

descriptor detail::start_connecting(const address& to, const connect_options& o, std::shared_ptr<accept_queue>& q)
{
    if (to.kind() != address::family::serial)
        return start_connecting(to, o.settings(), {}, q);
    if (o.settings().same_user || o.settings().local)
        throw usage_error(errc::unsupported,
                          "ferrule: " + to.to_string() + ": a serial port has neither user nor address");
    return start_opening(to, std::nullopt, q);
}

duplex connect(const address& to, const connect_options& o, const until& timeout)
{
    return detail::connecting<void>(to, o).recv(timeout);
}

duplex connect(const address& to, const connect_options& o, const until& timeout, error_code& ec) noexcept
{
    try {
        return detail::connecting<void>(to, o).recv(timeout, ec);
    } catch (...) {
        ec = detail::thrown_code();
        return {};
    }
}

} // namespace ferrule
