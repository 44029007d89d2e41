// Watching handles in the reactor of an execution context. Private.
#pragma once

#include "platform/os.hpp"

#include <cstddef>

namespace ferrule::os {

/// How a `readiness_set` reports a member of which a target is ready.
enum class report : unsigned char {
    level, // again and again, as long as the target is ready
    edge,  // not again before the target becomes ready anew
    last   // not again at all, as after the end of a stream
};

} // namespace ferrule::os

#if defined(_WIN32)
#include "platform/windows/reactor.hpp"
#else
#include "platform/posix/reactor.hpp"
#endif
