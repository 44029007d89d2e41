// Stream sockets and pipes. See platform/README.md for what each kind guarantees.
#include <ferrule/socket_like.hpp>

#include "platform/posix/pipe_io.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ferrule {
namespace {

using posix::last_error;

bool accepts_connections(int fd) noexcept
{
    int on = 0;
    socklen_t size = sizeof on;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

// A file descriptor number, closed or not at the end, and what every kind has in common.
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
        // Never retried: Linux frees the number even when close reports EINTR, and somebody else may have it by then.
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

class stream_socket : public file_descriptor {
public:
    using file_descriptor::file_descriptor;

    io_result try_read(std::span<std::byte> in) noexcept
    {
        ssize_t n;
        do
            n = ::recv(fd_, in.data(), in.size(), MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n >= 0 ? posix::read_result(n, in.size()) : failure();
    }

    io_result try_write(std::span<const byte_view> out) noexcept
    {
        iovec parts[posix::max_parts];
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = posix::gather(out, parts);
        ssize_t n;
        do
            n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n >= 0 ? io_result::moved(static_cast<std::size_t>(n)) : failure();
    }

    error_code shutdown_write() noexcept { return ::shutdown(fd_, SHUT_WR) == 0 ? error_code() : last_error(); }

private:
    io_result failure() const noexcept
    {
        const int e = errno;
        if (e == EAGAIN || e == EWOULDBLOCK)
            return io_result::would_block();
        if ((e == ENOTCONN || e == EINVAL || e == EPIPE) && accepts_connections(fd_))
            return io_result::failed(errc::listening);
        return io_result::failed({e, boost::system::system_category()});
    }
};

class pipe_end : public file_descriptor {
public:
    pipe_end(int fd, bool owned, int access) noexcept : file_descriptor(fd, owned), access_(access) {}

    bool can(direction d) const noexcept
    {
        return access_ == O_RDWR || access_ == (d == direction::read ? O_RDONLY : O_WRONLY);
    }
    io_result try_read(std::span<std::byte> in) noexcept { return posix::read_pipe(fd_, in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return posix::write_pipe(fd_, out); }

private:
    int access_;
};

// What the system says about a descriptor number.
struct found {
    bool socket = false;
    int access = O_RDWR;
};

found examine(int fd)
{
    struct stat st;
    if (fd < 0 || ::fstat(fd, &st) != 0)
        throw_error(errc::bad_descriptor);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        throw_error(last_error());
    found f;
    f.access = flags & O_ACCMODE;
    if ((flags & O_PATH) != 0)
        throw_error(errc::bad_descriptor);
    if (S_ISFIFO(st.st_mode))
        return f;
    if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))
        throw_error(errc::unsupported);
    if (!S_ISSOCK(st.st_mode))
        throw_error(errc::bad_descriptor);
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        throw_error(last_error());
    if (type != SOCK_STREAM)
        throw_error(errc::unsupported);
    if (accepts_connections(fd))
        throw_error(errc::listening);
    f.socket = true;
    return f;
}

descriptor make(int fd, bool owned, const found& f)
{
    if (f.socket)
        return stream_socket(fd, owned);
    return pipe_end(fd, owned, f.access);
}

} // namespace

descriptor adopt(native_handle_type handle)
{
    const found f = examine(handle);
    const int flags = ::fcntl(handle, F_GETFD);
    if (flags < 0 || ((flags & FD_CLOEXEC) == 0 && ::fcntl(handle, F_SETFD, flags | FD_CLOEXEC) != 0))
        throw_error(last_error());
    return make(handle, true, f);
}

descriptor duplicate(native_handle_type handle)
{
    const found f = examine(handle);
    const int copy = ::fcntl(handle, F_DUPFD_CLOEXEC, 3); // 0, 1 and 2 have a meaning of their own
    if (copy < 0)
        throw_error(last_error());
    return make(copy, true, f);
}

descriptor borrow(native_handle_type handle)
{
    return make(handle, false, examine(handle));
}

} // namespace ferrule
