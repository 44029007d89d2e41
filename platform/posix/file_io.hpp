// Attempts on pipes, terminals and files that neither block nor raise SIGPIPE. They leave the flags of shared open file
// descriptions and the process's signals unchanged.
#pragma once

#include "platform/posix/last_error.hpp"

#include <ferrule/socket_like.hpp>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <poll.h>
#include <span>
#include <sys/types.h>
#include <sys/uio.h>

namespace ferrule::posix {

inline constexpr std::size_t max_parts = 64; // buffers per system call

/// 0 bytes mean the end unless `asked` is 0.
inline io_result read_result(ssize_t n, std::size_t asked) noexcept
{
    return n == 0 && asked != 0 ? io_result::end() : io_result::moved(static_cast<std::size_t>(n));
}

/// Fills `parts` from `out`. Returns the number of parts filled.
std::size_t gather(std::span<const byte_view> out, std::span<iovec, max_parts> parts) noexcept;

/// Works as `poll(2)`, and even if RLIMIT_NOFILE has been lowered below the number of entries, which `poll(2)` refuses.
/// `timeout` is in milliseconds; −1 waits for ever.
int poll(std::span<pollfd> fds, int timeout) noexcept;
/// Returns which of `events`, POLLHUP, POLLERR and POLLNVAL `poll` reports now.
short ready(int fd, short events) noexcept;
/// Whether a call has failed for lack of descriptors or memory.
inline bool is_exhaustion(int error_number) noexcept
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM || error_number == ENOBUFS;
}

/// The way to keep a call from blocking.
enum class no_wait : unsigned char {
    by_flag,        // RWF_NOWAIT, at each call
    by_description, // O_NONBLOCK, on a private open file description
    by_poll,        // asking first, which races with other users of the same end
    never_waits     // a property of the file
};

/// How to read or write one file. What the kernel or the file refuses is found out by trying, for each file separately.
class file_access {
public:
    int fd = -1;
    no_wait way = no_wait::by_poll; // by_flag becomes by_poll where it is refused (pipes before Linux 6.5)
    bool nosignal = true; // RWF_NOSIGNAL, until it is refused (before Linux 6.18, and by many files of /proc and /dev)
    std::size_t max_after_poll = PIPE_BUF; // bytes that fit whenever poll reports room
};

/// Returns `end` if a read yields nothing. Its meaning depends on the kind of file.
io_result read_file(file_access& f, std::span<std::byte> in) noexcept;
io_result write_file(file_access& f, std::span<const byte_view> out) noexcept;

} // namespace ferrule::posix
