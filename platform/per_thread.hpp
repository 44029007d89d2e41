// An object that each thread has one of, for as long as anything runs in it. Private.
#pragma once

#if defined(_WIN32)
#include "platform/windows/per_thread.hpp"
#else
#include "platform/posix/per_thread.hpp"
#endif
