// Attempts on pipes, terminals and files that neither wait nor raise SIGPIPE, though neither the flags of the open file
// description nor the process's signals are ours.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cerrno>
#include <climits>
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

/// Which of `events`, POLLHUP and POLLERR `poll` reports right now.
short ready(int fd, short events) noexcept;

/// What keeps a call from waiting.
enum class no_wait : unsigned char {
    by_flag,        // RWF_NOWAIT, at each call
    by_description, // O_NONBLOCK, on an open file description that is nobody else's
    by_poll,        // asking first; somebody else at the same end can come between
    never_waits     // the file itself
};

/// What the running kernel offers, found out once with a pipe of our own.
class kernel_features {
public:
    static const kernel_features& get() noexcept;

    bool nowait = false;   // RWF_NOWAIT works on anonymous pipes (Linux 6.5)
    bool nosignal = false; // RWF_NOSIGNAL (Linux 6.18)
};

/// How to read and write one file.
class file_access {
public:
    int fd = -1;
    no_wait way = no_wait::by_poll;
    bool nosignal = kernel_features::get().nosignal;
    std::size_t most_after_poll = PIPE_BUF; // bytes for which there is room when poll says that there is some
};

/// `end` where a read yields nothing: what that means depends on the kind of file.
io_result read_file(const file_access& f, std::span<std::byte> in) noexcept;
io_result write_file(const file_access& f, std::span<const byte_view> out) noexcept;

} // namespace ferrule::posix
