#include <ferrule/net/listener.hpp>

#include "src/net/acceptor.hpp"

namespace ferrule {

descriptor detail::listen(std::vector<address>& at, const listen_options& o, std::shared_ptr<accept_queue>& q)
{
    return listen(at, o.settings(), {}, q);
}

} // namespace ferrule
