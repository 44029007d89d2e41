#include "platform/posix/pipe_io.hpp"

#include <algorithm>
#include <atomic>
#include <climits>
#include <csignal>
#include <ctime>
#include <poll.h>
#include <pthread.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 // linux/fs.h since 6.18
#endif

namespace ferrule::posix {
namespace {

bool ready(int fd, short event) noexcept
{
    pollfd p{fd, event, 0};
    return ::poll(&p, 1, 0) > 0;
}

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

ssize_t write_parts(int fd, const iovec* parts, std::size_t n, int flags, bool nosignal) noexcept
{
    const int count = static_cast<int>(n);
    if (nosignal)
        return ::pwritev2(fd, parts, count, -1, flags | RWF_NOSIGNAL);
    sigpipe_guard guard;
    const ssize_t written = flags != 0 ? ::pwritev2(fd, parts, count, -1, flags) : ::writev(fd, parts, count);
    if (written < 0 && errno == EPIPE)
        guard.raised();
    return written;
}

// Without RWF_NOWAIT a write of at most PIPE_BUF bytes does not block once poll says that there is room.
std::size_t cut(std::span<iovec> parts, std::size_t bytes) noexcept
{
    std::size_t n = 0;
    for (; n < parts.size() && bytes != 0; ++n) {
        parts[n].iov_len = std::min(parts[n].iov_len, bytes);
        bytes -= parts[n].iov_len;
    }
    return n;
}

bool unsupported() noexcept
{
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

io_result failure() noexcept
{
    return errno == EAGAIN ? io_result::would_block() : io_result::failed(last_error());
}

// One answer per process for the flag that depends on the kernel only. RWF_NOWAIT depends on the pipe as well (FIFOs
// refuse it), and asking again costs one failed call, so it is asked each time.
std::atomic<bool> kernel_knows_nosignal{true};

} // namespace

std::size_t gather(std::span<const byte_view> out, std::span<iovec, max_parts> parts) noexcept
{
    const std::size_t n = std::min(out.size(), parts.size());
    for (std::size_t i = 0; i < n; ++i)
        parts[i] = {const_cast<std::byte*>(out[i].data()), out[i].size()};
    return n;
}

io_result read_pipe(int fd, std::span<std::byte> in, pipe_features& known) noexcept
{
    for (;;) {
        const iovec part{in.data(), in.size()};
        ssize_t n;
        if (known.nowait) {
            n = ::preadv2(fd, &part, 1, -1, RWF_NOWAIT);
            if (n < 0 && unsupported()) {
                known.nowait = false;
                continue;
            }
        } else {
            if (!ready(fd, POLLIN))
                return io_result::would_block();
            n = ::read(fd, in.data(), in.size());
        }
        if (n >= 0)
            return read_result(n, in.size());
        if (errno != EINTR)
            return failure();
    }
}

io_result write_pipe(int fd, std::span<const byte_view> out, pipe_features& known) noexcept
{
    for (;;) {
        iovec parts[max_parts];
        std::size_t n = gather(out, parts);
        if (!known.nowait) {
            if (!ready(fd, POLLOUT))
                return io_result::would_block();
            n = cut({parts, n}, PIPE_BUF);
        }
        const ssize_t written = write_parts(fd, parts, n, known.nowait ? RWF_NOWAIT : 0, known.nosignal);
        if (written >= 0)
            return io_result::moved(static_cast<std::size_t>(written));
        if (errno == EINTR)
            continue;
        // Either flag may be the unknown one; the newer one is the likelier.
        if (unsupported() && known.nosignal)
            known.nosignal = false;
        else if (unsupported() && known.nowait)
            known = {false, kernel_knows_nosignal.load(std::memory_order_relaxed)};
        else
            return failure();
    }
}

io_result read_pipe(int fd, std::span<std::byte> in) noexcept
{
    pipe_features known;
    return read_pipe(fd, in, known);
}

io_result write_pipe(int fd, std::span<const byte_view> out) noexcept
{
    pipe_features known{true, kernel_knows_nosignal.load(std::memory_order_relaxed)};
    const io_result r = write_pipe(fd, out, known);
    if (known.nowait && !known.nosignal) // refused while RWF_NOWAIT alone was accepted
        kernel_knows_nosignal.store(false, std::memory_order_relaxed);
    return r;
}

} // namespace ferrule::posix
