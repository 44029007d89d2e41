// A third way to drive an operation: not waiting at all. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

namespace ferrule::detail {

enum class at_once : unsigned char {
    done,    // see the operation's result
    refused, // closed
    busy,    // somebody else has the lock
    begun    // it has to wait; with `keep_lock` the lock is held, for a coroutine, else the operation has been given up
};

/// Goes as far as possible without waiting and without asking a descriptor that had nothing a moment ago.
[[nodiscard]] at_once run_at_once(channel& c, operation& op, bool keep_lock);

} // namespace ferrule::detail
