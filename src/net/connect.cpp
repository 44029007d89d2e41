#include <ferrule/net/connect.hpp>

#include "src/net/connector.hpp"
#include "src/net/serial_opening.hpp"

namespace ferrule {

descriptor detail::start_connecting(const address& to, const connect_options& o, std::shared_ptr<accept_queue>& q)
{
    if (to.kind() == address::family::serial || to.kind() == address::family::rfc2217)
        return start_opening(to, std::nullopt, o.settings(), q);
    return start_connecting(to, o.settings(), {}, q);
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
