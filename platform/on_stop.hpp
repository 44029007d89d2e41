// A callback for a stop request. Private.
#pragma once

#if defined(_WIN32)
#include "platform/windows/on_stop.hpp"
#else
#include "platform/posix/on_stop.hpp"
#endif
