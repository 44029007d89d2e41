// Attempts on pipes that neither wait nor raise SIGPIPE, though the pipe's flags and the process's signals are not ours.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cerrno>
#include <cstddef>
#include <span>
#include <sys/types.h>
#include <sys/uio.h>

namespace ferrule::posix {

inline constexpr std::size_t max_parts = 64; // buffers per system call; the rest follows in the next

inline error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

/// 0 bytes mean the end, unless none were asked for.
inline io_result read_result(ssize_t n, std::size_t asked) noexcept
{
    return n == 0 && asked != 0 ? io_result::end() : io_result::moved(static_cast<std::size_t>(n));
}

/// Fills `parts` from `out`, at most `max_parts`; returns how many.
std::size_t gather(std::span<const byte_view> out, std::span<iovec, max_parts> parts) noexcept;

io_result read_pipe(int fd, std::span<std::byte> in) noexcept;
io_result write_pipe(int fd, std::span<const byte_view> out) noexcept;

/// What the kernel offers for pipes; found out at the first use. Tests switch features off to reach the other paths.
struct pipe_features {
    bool nowait = true;   // RWF_NOWAIT works on this pipe
    bool nosignal = true; // RWF_NOSIGNAL (Linux 6.18) is known
};
io_result read_pipe(int fd, std::span<std::byte> in, pipe_features& known) noexcept;
io_result write_pipe(int fd, std::span<const byte_view> out, pipe_features& known) noexcept;

} // namespace ferrule::posix
