#include <ferrule/python/multiprocessing/client.hpp>

#include "src/multiprocessing/pending_handshake.hpp"
#include "src/net/connector.hpp"

namespace ferrule::python {

descriptor detail::start_connecting(const address& to, const connect_options& o, std::shared_ptr<accept_queue>& q)
{
    ferrule::detail::begin_handshake begin;
    if (!o.authkey().empty())
        begin = [key = o.authkey(),
                 digest = o.min_digest().value_or(to.is_local() ? digest::md5 : digest::sha256)](descriptor d) {
            return std::make_unique<pending_handshake>(std::move(d), handshake(handshake::role::client, key, digest));
        };
    return ferrule::detail::start_connecting(to, o.settings(), std::move(begin), q);
}

} // namespace ferrule::python
