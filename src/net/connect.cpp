#include <ferrule/net/connect.hpp>

#include "src/net/connector.hpp"

namespace ferrule {

descriptor detail::start_connecting(const address& to, const connect_options& o, std::shared_ptr<accept_queue>& q)
{
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
