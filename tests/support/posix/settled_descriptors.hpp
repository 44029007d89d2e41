// What is open once a thread has waited.
#pragma once

#include "platform/os.hpp"
#include "support/posix/descriptors.hpp"

#include <map>
#include <string>

namespace ferrule::test {

/// Takes the descriptor that this thread would take when it first waits, and keeps. A short wait may end without it.
inline void settle_descriptors()
{
    (void)os::wakeup::of_this_thread();
}

/// `open_descriptors`, with the one of `settle_descriptors`.
inline std::map<int, std::string> settled_descriptors()
{
    settle_descriptors();
    return open_descriptors();
}

} // namespace ferrule::test
