// Handles that a child process inherits from its parent.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cstddef>

namespace ferrule {

/// In a child, takes a descriptor that the parent passed down. `which` counts those that FERRULE_FD names in the
/// environment, from 0 (see `spawn`; a Python parent sets FERRULE_FD itself, with `pass_fds`). The descriptor becomes
/// close-on-exec and can be taken once. The first call removes FERRULE_FD from the environment, since the numbers mean
/// nothing to programs that this process starts. Make that call before other threads read the environment.
/// Throws: `usage_error` (`errc::bad_descriptor`) if there is no such number, it was taken already, or it is not open.
[[nodiscard]] FERRULE_EXPORT descriptor inherited(std::size_t which = 0);

} // namespace ferrule
