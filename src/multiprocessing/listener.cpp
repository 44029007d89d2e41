#include <ferrule/python/multiprocessing/listener.hpp>

#include "src/multiprocessing/pending_handshake.hpp"
#include "src/net/acceptor.hpp"

namespace ferrule::python::detail {
namespace {

ferrule::detail::acceptor_options options_for(const listener_options& o)
{
    ferrule::detail::acceptor_options all;
    all.backlog = o.backlog();
    all.same_user = o.wants_same_user();
    all.max_handshakes = o.max_handshakes();
    all.handshake_timeout = o.handshake_timeout();
    all.on_refused = o.on_refused();
    return all;
}

ferrule::detail::begin_handshake handshakes(const listener_options& o, bool local)
{
    if (o.authkey().empty())
        return {};
    return [key = o.authkey(), digest = o.min_digest().value_or(local ? digest::md5 : digest::sha256)](descriptor d) {
        return std::make_unique<pending_handshake>(std::move(d), handshake(handshake::role::listener, key, digest));
    };
}

} // namespace

descriptor listen(address& at, const listener_options& o, std::shared_ptr<accept_queue>& q)
{
    return ferrule::detail::listen(at, options_for(o), handshakes(o, at.is_local()), q);
}

descriptor listen_anywhere(address& at, const listener_options& o, std::shared_ptr<accept_queue>& q)
{
    return ferrule::detail::listen_anywhere(at, options_for(o), handshakes(o, true), q);
}

} // namespace ferrule::python::detail
