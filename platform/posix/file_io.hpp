// Attempts on pipes, terminals and files that neither wait nor raise SIGPIPE, though neither the flags of the open file
// description nor the process's signals are ours.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <poll.h>
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

/// `poll`, also where a process may have fewer descriptors than there are in the list, which `poll` refuses (RLIMIT_NOFILE may be
/// lowered below what is open). Returns as `poll` does; milliseconds, −1: without end.
int poll(std::span<pollfd> fds, int timeout) noexcept;
/// Which of `events`, POLLHUP and POLLERR `poll` reports right now.
short ready(int fd, short events) noexcept;
/// Whether it is the lack of descriptors or memory that makes a call fail, and not what was asked for.
inline bool is_exhaustion(int error_number) noexcept
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM || error_number == ENOBUFS;
}

/// What keeps a call from waiting.
enum class no_wait : unsigned char {
    by_flag,        // RWF_NOWAIT, at each call
    by_description, // O_NONBLOCK, on an open file description that is nobody else's
    by_poll,        // asking first; somebody else at the same end can come between
    never_waits     // the file itself
};

/// How to read or write one file. What a file refuses, for the kernel's age or its own kind, is found out when it is tried: nothing
/// that is true of one file is believed of another.
class file_access {
public:
    int fd = -1;
    no_wait way = no_wait::by_poll; // by_flag becomes by_poll where it is refused (pipes before Linux 6.5)
    bool nosignal = true; // RWF_NOSIGNAL, until it is refused (before Linux 6.18, and by many files of /proc and /dev)
    std::size_t most_after_poll = PIPE_BUF; // bytes for which there is room when poll says that there is some
};

/// `end` where a read yields nothing: what that means depends on the kind of file.
io_result read_file(file_access& f, std::span<std::byte> in) noexcept;
io_result write_file(file_access& f, std::span<const byte_view> out) noexcept;

} // namespace ferrule::posix
