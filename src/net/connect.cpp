#include <ferrule/net/connect.hpp>

#include "src/net/accept_queue.hpp"
#include "src/net/connector.hpp"

namespace ferrule {

descriptor detail::start_connecting(const address& to, const connect_options& o, std::shared_ptr<accept_queue>& q)
{
    return start_connecting(to, o.settings(), {}, q);
}

duplex connect(const address& to, const connect_options& o, const until& timeout)
{
    std::shared_ptr<detail::accept_queue> queue;
    auto connecting = detail::connections<void>([&](auto& q) {
        descriptor d = detail::start_connecting(to, o, q);
        queue = q;
        return d;
    });
    error_code ec;
    duplex d = connecting.recv(timeout, ec);
    if (ec)
        detail::throw_in_context(ec, "ferrule: connecting to " + to.to_string() + queue->explanation());
    return d;
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
