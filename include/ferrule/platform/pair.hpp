// Descriptors that come in pairs.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// The two ends of a new anonymous pipe: reading, writing. Close-on-exec from the start. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> pipe_descriptors();

/// The two ends of a new pair of connected stream sockets (AF_UNIX). Close-on-exec from the start. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> socketpair_descriptors();

} // namespace ferrule
