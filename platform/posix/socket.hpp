// The common base of descriptors and of sockets. Private.
#pragma once

#include "platform/posix/file_io.hpp"

#include <ferrule/socket_like.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace ferrule::posix {

inline bool accepts_connections(int fd) noexcept
{
    int on = 0;
    socklen_t size = sizeof on;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

/// The base of every kind. `close` closes the descriptor only if it is owned.
class file_descriptor {
public:
    file_descriptor(int fd, bool owned) noexcept : fd_(fd), owned_(owned) {}
    file_descriptor(file_descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, invalid_handle)),
          owned_(other.owned_)
    {
    }
    file_descriptor& operator=(file_descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        std::swap(owned_, other.owned_);
        return *this;
    }

    readiness arm(direction d) const noexcept
    {
        return d == direction::read ? readiness::readable(fd_) : readiness::writable(fd_);
    }
    void close() noexcept
    {
        // No retry, since Linux frees the number even when close reports EINTR, and another thread may have reused it.
        if (const int fd = std::exchange(fd_, invalid_handle); owned_ && fd != invalid_handle)
            ::close(fd);
    }
    native_handle_type native_handle() const noexcept { return fd_; }
    native_handle_type release() noexcept { return std::exchange(fd_, invalid_handle); }

    bool inheritable() const
    {
        const int flags = ::fcntl(fd_, F_GETFD);
        if (flags < 0)
            throw_error(last_error());
        return (flags & FD_CLOEXEC) == 0;
    }
    error_code set_inheritable(bool on) noexcept
    {
        return ::fcntl(fd_, F_SETFD, on ? 0 : FD_CLOEXEC) == 0 ? error_code() : last_error();
    }

protected:
    int fd_;
    bool owned_;
};

/// The base of every kind of socket.
class socket_descriptor : public file_descriptor {
public:
    using file_descriptor::file_descriptor;

    readiness arm(direction d) noexcept
    {
        waited(d).store(true, std::memory_order_relaxed);
        return file_descriptor::arm(d);
    }
    error_code shutdown_write() noexcept { return ::shutdown(fd_, SHUT_WR) == 0 ? error_code() : last_error(); }

protected:
    /// `control` is the ancillary data, sent beside the bytes.
    io_result send(std::span<const byte_view> out, std::span<std::byte> control = {}) noexcept
    {
        ssize_t n;
        if (out.size() == 1 && control.empty()) { // noticeably cheaper than sendmsg
            do
                n = ::send(fd_, out[0].data(), out[0].size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            while (n < 0 && errno == EINTR);
        } else {
            iovec parts[max_parts];
            msghdr message{};
            message.msg_iov = parts;
            message.msg_iovlen = gather(out, parts);
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            do
                n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            while (n < 0 && errno == EINTR);
        }
        return n >= 0 ? moved(direction::write, n) : failure(direction::write);
    }
    ssize_t recv(std::span<std::byte> in, int flags) noexcept
    {
        ssize_t n;
        do
            n = ::recv(fd_, in.data(), in.size(), flags | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n;
    }
    ssize_t recv(msghdr& message, int flags) noexcept
    {
        ssize_t n;
        do
            n = ::recvmsg(fd_, &message, flags | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n;
    }
    /// The result of a stream socket's read.
    io_result read_result(ssize_t n, std::size_t asked) noexcept
    {
        if (n < 0)
            return failure(direction::read);
        return n == 0 && asked != 0 ? end() : moved(direction::read, n);
    }
    /// The result of a read that has met the end. The system reports once, and to one direction, that a connection is
    /// broken; from then on it has the same end as one that the peer has ended.
    io_result end() noexcept
    {
        const int e = broken().load(std::memory_order_relaxed);
        return e == 0 ? io_result::end() : io_result::failed({e, boost::system::system_category()});
    }
    /// The result of a call that has moved `n` bytes.
    io_result moved(direction d, ssize_t n) noexcept
    {
        waited(d).store(false, std::memory_order_relaxed);
        return io_result::moved(static_cast<std::size_t>(n));
    }
    /// The result of a call that has failed, from `errno`.
    io_result failure(direction d) noexcept
    {
        const int e = errno;
        if (e == EAGAIN || e == EWOULDBLOCK) {
            // If this follows a wait, the error queue may have ended it.
            if (waited(d).exchange(false, std::memory_order_relaxed))
                drain_errors();
            return io_result::would_block();
        }
        if (e == EMSGSIZE)
            return io_result::failed(errc::too_large);
        if ((e == ENOTCONN || e == EINVAL || e == EPIPE) && accepts_connections(fd_))
            return io_result::failed(errc::listening);
        if (e == ECONNRESET || e == ETIMEDOUT || e == EHOSTUNREACH || e == ENETUNREACH)
            broken().store(e, std::memory_order_relaxed);
        return io_result::failed({e, boost::system::system_category()});
    }

private:
    // Empties the queue for errors and for reports on sent data (IP_RECVERR, SO_TIMESTAMPING, MSG_ZEROCOPY). Until it
    // is empty, every wait ends immediately. The errors have been reported by then (SO_ERROR).
    void drain_errors() noexcept
    {
        if ((ready(fd_, 0) & POLLERR) == 0)
            return;
        msghdr nothing{};
        while (::recvmsg(fd_, &nothing, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0 || errno == EINTR) {
        }
    }

    // Atomic, since a reader may also arm the other direction while that is in use.
    std::atomic_ref<bool> waited(direction d) noexcept
    {
        return std::atomic_ref<bool>(waited_[static_cast<std::size_t>(d)]);
    }

    // Atomic for the same reason: either direction may be told.
    std::atomic_ref<int> broken() noexcept { return std::atomic_ref<int>(broken_); }

    bool waited_[2] = {}; // since the last attempt in this direction
    int broken_ = 0;      // the error that has ended the connection
};

} // namespace ferrule::posix
