// Watching a handle in the reactor of an execution context. Private.
#pragma once

#if defined(_WIN32)
#include "platform/windows/reactor.hpp"
#else
#include "platform/posix/reactor.hpp"
#endif
