#include "platform/posix/file_io.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 // linux/fs.h since 6.18
#endif

namespace ferrule::posix {
namespace {

// Blocks SIGPIPE in this thread and consumes the one that a write raised. The process's disposition and a SIGPIPE that
// was pending before stay unchanged.
class sigpipe_guard {
public:
    sigpipe_guard() noexcept
    {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        if (!was_pending_)
            pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    }
    ~sigpipe_guard()
    {
        if (was_pending_)
            return; // it is already blocked, and another merges with the pending one
        const int e = errno;
        if (raised_) {
            const timespec at_once{};
            while (sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = e;
    }
    sigpipe_guard(const sigpipe_guard&) = delete;
    sigpipe_guard& operator=(const sigpipe_guard&) = delete;

    void raised() noexcept { raised_ = true; }

private:
    sigset_t sigpipe_, before_;
    bool was_pending_;
    bool raised_ = false;
};

// Whether a call with flags may have been refused for a flag. Some files report the same errors for other reasons.
bool refuses_flag(ssize_t n) noexcept
{
    return n < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS);
}

ssize_t write_parts(file_access& f, std::span<const iovec> parts) noexcept
{
    const int flags = f.way == no_wait::by_flag ? RWF_NOWAIT : 0;
    const int count = static_cast<int>(parts.size());
    if (f.nosignal) {
        const ssize_t written = ::pwritev2(f.fd, parts.data(), count, -1, flags | RWF_NOSIGNAL);
        if (!refuses_flag(written))
            return written;
    }
    sigpipe_guard guard;
    const ssize_t written =
        flags != 0 ? ::pwritev2(f.fd, parts.data(), count, -1, flags) : ::writev(f.fd, parts.data(), count);
    if (written < 0 && errno == EPIPE)
        guard.raised();
    if (!refuses_flag(written))
        f.nosignal = false; // the flag was the cause
    return written;
}

// Makes an attempt with `f.way`, and another with `by_poll` if the file refuses the flag.
template <class Attempt>
ssize_t attempt(file_access& f, Attempt a) noexcept
{
    ssize_t n;
    do
        n = a();
    while (n < 0 && errno == EINTR);
    if (f.way != no_wait::by_flag || !refuses_flag(n))
        return n;
    f.way = no_wait::by_poll;
    return attempt(f, a);
}

// Bytes per call, limited because a deadline is checked only between calls.
constexpr std::size_t max_call = 16 * 1024 * 1024;

std::size_t max_at_once(const file_access& f) noexcept
{
    switch (f.way) {
    case no_wait::by_poll: return f.max_after_poll;
    case no_wait::never_waits: return max_call;
    default: return SIZE_MAX;
    }
}

// Returns the first `bytes` bytes of the parts.
std::span<const iovec> cut(std::span<iovec> parts, std::size_t bytes) noexcept
{
    std::size_t n = 0;
    for (; n < parts.size() && bytes != 0; ++n) {
        parts[n].iov_len = std::min(parts[n].iov_len, bytes);
        bytes -= parts[n].iov_len;
    }
    return parts.first(n);
}

io_result failure() noexcept
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return io_result::would_block();
    return io_result::failed(last_error());
}

// Replaces `poll` where it refuses the number of entries.
int select(std::span<pollfd> fds, int timeout) noexcept
{
    constexpr std::size_t max_files = 64 * 1024;
    constexpr std::size_t bits = 8 * sizeof(unsigned long);
    using set = std::array<unsigned long, max_files / bits>;
    set readable{};
    set writable{};
    int highest = -1;
    const auto word = [](set& s, int fd) -> unsigned long& { return s[static_cast<std::size_t>(fd) / bits]; };
    const auto bit = [](int fd) { return 1ul << (static_cast<std::size_t>(fd) % bits); };
    for (const pollfd& p : fds) {
        if (p.fd < 0 || static_cast<std::size_t>(p.fd) >= max_files) {
            errno = EINVAL;
            return -1;
        }
        word((p.events & POLLOUT) != 0 ? writable : readable, p.fd) |= bit(p.fd);
        highest = std::max(highest, p.fd);
    }
    timespec time{timeout / 1000, timeout % 1000 * 1'000'000L};
    // The C library's select serves only descriptor numbers below 1024.
    const auto found = static_cast<int>(::syscall(SYS_pselect6, highest + 1, readable.data(), writable.data(), nullptr,
                                                  timeout < 0 ? nullptr : &time, nullptr));
    if (found < 0)
        return found;
    int n = 0;
    for (pollfd& p : fds) {
        const bool out = (p.events & POLLOUT) != 0;
        p.revents = (word(out ? writable : readable, p.fd) & bit(p.fd)) == 0 ? short{0} : short(out ? POLLOUT : POLLIN);
        n += p.revents != 0;
    }
    return n;
}

} // namespace

int poll(std::span<pollfd> fds, int timeout) noexcept
{
    const int n = ::poll(fds.data(), fds.size(), timeout);
    return n < 0 && errno == EINVAL ? select(fds, timeout) : n;
}

short ready(int fd, short events) noexcept
{
    pollfd p{fd, events, 0};
    return poll({&p, 1}, 0) > 0 ? p.revents : short{0};
}

std::size_t gather(std::span<const byte_view> out, std::span<iovec, max_parts> parts) noexcept
{
    const std::size_t n = std::min(out.size(), parts.size());
    for (std::size_t i = 0; i < n; ++i)
        parts[i] = {const_cast<std::byte*>(out[i].data()), out[i].size()};
    return n;
}

io_result read_file(file_access& f, std::span<std::byte> in) noexcept
{
    const ssize_t n = attempt(f, [&]() noexcept -> ssize_t {
        if (f.way == no_wait::by_poll && ready(f.fd, POLLIN) == 0) {
            errno = EAGAIN;
            return -1;
        }
        const iovec part{in.data(), f.way == no_wait::never_waits ? std::min(in.size(), max_call) : in.size()};
        return f.way == no_wait::by_flag ? ::preadv2(f.fd, &part, 1, -1, RWF_NOWAIT)
                                         : ::read(f.fd, part.iov_base, part.iov_len);
    });
    return n >= 0 ? read_result(n, in.size()) : failure();
}

io_result write_file(file_access& f, std::span<const byte_view> out) noexcept
{
    iovec space[max_parts];
    const std::span<iovec> parts(space, gather(out, space));
    const ssize_t n = attempt(f, [&]() noexcept -> ssize_t {
        if (f.way == no_wait::by_poll) {
            const short r = ready(f.fd, POLLOUT);
            // A write would block for ever if the file is hung up and full, as the master of a closed pty may be.
            if ((r & (POLLOUT | POLLNVAL)) == 0) {
                errno = r == 0 ? EAGAIN : EPIPE;
                return -1;
            }
        }
        return write_parts(f, cut(parts, max_at_once(f)));
    });
    return n >= 0 ? io_result::moved(static_cast<std::size_t>(n)) : failure();
}

} // namespace ferrule::posix
