// What the system says of an option of a socket.
#pragma once

#include "support/posix/descriptors.hpp"

namespace ferrule::test {

/// `Socket` is an endpoint, or anything else with a native handle.
template <class Socket>
int option(const Socket& s, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    must(::getsockopt(s.native_handle(), level, name, &value, &size));
    return value;
}

} // namespace ferrule::test
