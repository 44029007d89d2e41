#include <ferrule/python/multiprocessing/listener.hpp>

#include "src/multiprocessing/pending_handshake.hpp"
#include "src/net/acceptor.hpp"

#include <algorithm>

namespace ferrule::python::detail {
namespace {

ferrule::detail::begin_handshake handshakes(const listener_options& o, bool local)
{
    if (o.authkey().empty())
        return {};
    return [key = o.authkey(), digest = o.min_digest().value_or(local ? digest::md5 : digest::sha256)](descriptor d) {
        return std::make_unique<pending_handshake>(std::move(d), handshake(handshake::role::listener, key, digest));
    };
}

} // namespace

descriptor listen(std::vector<address>& at, const listener_options& o, std::shared_ptr<accept_queue>& q)
{
    return ferrule::detail::listen(at, o.settings(), handshakes(o, std::ranges::all_of(at, &address::is_local)), q);
}

} // namespace ferrule::python::detail
