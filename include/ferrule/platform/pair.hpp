// Descriptors that come in pairs.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// The two ends of a new anonymous pipe: reading, writing. Close-on-exec from the start. It holds 256 KiB where the system
/// allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> pipe_descriptors();

/// The two ends of a new pair of connected stream sockets (AF_UNIX). Close-on-exec from the start. Each direction holds up
/// to 1 MiB where the system allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> socketpair_descriptors();

} // namespace ferrule
