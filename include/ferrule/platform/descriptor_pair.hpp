// Pairs of connected descriptors.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// The end of a pipe that must use synchronous I/O, to serve as a standard stream of an ordinary program. Windows has
/// to know before it makes the pipe; elsewhere this has no effect.
enum class synchronous_end : unsigned char { none, reading, writing };

/// Makes an anonymous pipe and returns its reading and its writing end. They are close-on-exec from the start. The pipe
/// holds 256 KiB where the system allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor>
pipe_descriptors(synchronous_end o = synchronous_end::none);

/// Makes a pair of connected stream sockets (AF_UNIX). They are close-on-exec from the start. Each direction holds up
/// to 1 MiB where the system allows that. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> socketpair_descriptors();

} // namespace ferrule
