// Descriptors that come in pairs.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// The end of a pipe that programs can have as a standard stream which expect calls to wait: most do. Windows has to know before
/// it makes a pipe; elsewhere every end will do.
enum class ordinary_end : unsigned char { none, reading, writing };

/// The two ends of a new anonymous pipe: reading, writing. Close-on-exec from the start. It holds 256 KiB where the system
/// allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> pipe_descriptors(ordinary_end o = ordinary_end::none);

/// The two ends of a new pair of connected stream sockets (AF_UNIX). Close-on-exec from the start. Each direction holds up
/// to 1 MiB where the system allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> socketpair_descriptors();

} // namespace ferrule
