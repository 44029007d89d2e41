#include "src/net/accept_queue.hpp"

namespace ferrule::detail {

descriptor take(accept_queue& q)
{
    std::optional<descriptor> d = q.take();
    if (!d)
        throw_error(errc::bad_descriptor);
    return std::move(*d);
}

void throw_in_detail(const accept_queue& q, const error_code& ec)
{
    q.fail(ec);
}

} // namespace ferrule::detail
