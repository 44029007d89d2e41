#include "platform/posix/file_io.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 // linux/fs.h since 6.18
#endif

namespace ferrule::posix {
namespace {

// Blocks SIGPIPE in this thread and swallows the one that a write raised; the process's disposition, and a SIGPIPE that
// was pending before, stay as they were.
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
            return; // it is blocked already, and one more merges with the pending one
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

ssize_t write_parts(const file_access& f, std::span<const iovec> parts) noexcept
{
    const int flags = f.way == no_wait::by_flag ? RWF_NOWAIT : 0;
    const int count = static_cast<int>(parts.size());
    if (f.nosignal)
        return ::pwritev2(f.fd, parts.data(), count, -1, flags | RWF_NOSIGNAL);
    sigpipe_guard guard;
    const ssize_t written =
        flags != 0 ? ::pwritev2(f.fd, parts.data(), count, -1, flags) : ::writev(f.fd, parts.data(), count);
    if (written < 0 && errno == EPIPE)
        guard.raised();
    return written;
}

// The first `bytes` of the parts.
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

kernel_features find_out() noexcept
{
    kernel_features found;
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0)
        return found;
    char byte = 0;
    const iovec part{&byte, 1};
    found.nowait = ::preadv2(fds[0], &part, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN;
    found.nosignal = ::pwritev2(fds[1], &part, 1, -1, RWF_NOSIGNAL) == 1;
    ::close(fds[0]);
    ::close(fds[1]);
    return found;
}

} // namespace

const kernel_features& kernel_features::get() noexcept
{
    static const kernel_features found = find_out();
    return found;
}

short ready(int fd, short events) noexcept
{
    pollfd p{fd, events, 0};
    return ::poll(&p, 1, 0) > 0 ? p.revents : short{0};
}

std::size_t gather(std::span<const byte_view> out, std::span<iovec, max_parts> parts) noexcept
{
    const std::size_t n = std::min(out.size(), parts.size());
    for (std::size_t i = 0; i < n; ++i)
        parts[i] = {const_cast<std::byte*>(out[i].data()), out[i].size()};
    return n;
}

io_result read_file(const file_access& f, std::span<std::byte> in) noexcept
{
    if (f.way == no_wait::by_poll && ready(f.fd, POLLIN) == 0)
        return io_result::would_block();
    const iovec part{in.data(), in.size()};
    ssize_t n;
    do
        n = f.way == no_wait::by_flag ? ::preadv2(f.fd, &part, 1, -1, RWF_NOWAIT) : ::read(f.fd, in.data(), in.size());
    while (n < 0 && errno == EINTR);
    return n >= 0 ? read_result(n, in.size()) : failure();
}

io_result write_file(const file_access& f, std::span<const byte_view> out) noexcept
{
    if (f.way == no_wait::by_poll) {
        const short r = ready(f.fd, POLLOUT);
        if (r == 0)
            return io_result::would_block();
        if ((r & (POLLOUT | POLLNVAL)) ==
            0) // hung up and full, as the master of a closed pty: a write would wait for ever
            return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
    }
    iovec space[max_parts];
    const std::span<iovec> parts(space, gather(out, space));
    const std::span<const iovec> sent = f.way == no_wait::by_poll ? cut(parts, f.most_after_poll) : parts;
    ssize_t n;
    do
        n = write_parts(f, sent);
    while (n < 0 && errno == EINTR);
    return n >= 0 ? io_result::moved(static_cast<std::size_t>(n)) : failure();
}

} // namespace ferrule::posix
