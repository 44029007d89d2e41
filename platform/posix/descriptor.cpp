// What a descriptor number is, and the kinds that it can be. See platform/README.md for what each kind guarantees.
#include <ferrule/socket_like.hpp>

#include "platform/posix/file_io.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <termios.h>
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

// What every kind of socket has in common.
class socket_descriptor : public file_descriptor {
public:
    using file_descriptor::file_descriptor;

    error_code shutdown_write() noexcept { return ::shutdown(fd_, SHUT_WR) == 0 ? error_code() : last_error(); }

protected:
    io_result send(std::span<const byte_view> out) noexcept
    {
        ssize_t n;
        if (out.size() == 1) { // noticeably cheaper than sendmsg
            do
                n = ::send(fd_, out[0].data(), out[0].size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            while (n < 0 && errno == EINTR);
        } else {
            iovec parts[posix::max_parts];
            msghdr message{};
            message.msg_iov = parts;
            message.msg_iovlen = posix::gather(out, parts);
            do
                n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            while (n < 0 && errno == EINTR);
        }
        return n >= 0 ? io_result::moved(static_cast<std::size_t>(n)) : failure();
    }
    ssize_t recv(std::span<std::byte> in, int flags) noexcept
    {
        ssize_t n;
        do
            n = ::recv(fd_, in.data(), in.size(), flags | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n;
    }
    io_result failure() const noexcept
    {
        const int e = errno;
        if (e == EAGAIN || e == EWOULDBLOCK)
            return io_result::would_block();
        if (e == EMSGSIZE)
            return io_result::failed(errc::too_large);
        if ((e == ENOTCONN || e == EINVAL || e == EPIPE) && accepts_connections(fd_))
            return io_result::failed(errc::listening);
        return io_result::failed({e, boost::system::system_category()});
    }
};

class stream_socket : public socket_descriptor {
public:
    using socket_descriptor::socket_descriptor;

    io_result try_read(std::span<std::byte> in) noexcept
    {
        const ssize_t n = recv(in, 0);
        return n >= 0 ? posix::read_result(n, in.size()) : failure();
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }
};

// Datagram and seqpacket sockets.
class packet_socket : public socket_descriptor {
public:
    packet_socket(int fd, bool owned, int domain, int type) noexcept
        : socket_descriptor(fd, owned),
          largest_(type == SOCK_DGRAM && domain != AF_UNIX ? 65535 : SIZE_MAX),
          has_end_(type == SOCK_SEQPACKET)
    {
    }

    transfer_kind kind() const noexcept { return transfer_kind::message; }
    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (in.size() < largest_) {
            const ssize_t next = recv({}, MSG_PEEK | MSG_TRUNC);
            if (next > static_cast<ssize_t>(in.size()))
                return io_result::larger(static_cast<std::size_t>(next));
            if (next < 0)
                return failure();
        }
        const ssize_t n = recv(in, 0);
        if (n < 0)
            return failure();
        return n == 0 && has_end_ && at_end() ? io_result::end() : io_result::moved(static_cast<std::size_t>(n));
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }

private:
    // Whether the 0 that was just received was the end. It may have been an empty packet; one behind which only the end
    // follows looks the same.
    bool at_end() noexcept
    {
        int waiting = 0; // bytes
        return posix::ready(fd_, POLLRDHUP) != 0 && (::ioctl(fd_, FIONREAD, &waiting) != 0 || waiting == 0);
    }

    std::size_t largest_; // bytes, of any packet that can come
    bool has_end_;
};

// Everything that is read and written by `read` and `write`.
class file : public file_descriptor {
public:
    enum class what : unsigned char { pipe, terminal, pty_master, device, disk };

    file(int fd, bool owned, what w, int access) noexcept : file_descriptor(fd, owned), access_(access), what_(w)
    {
        how_.fd = fd_;
    }
    file(file&& other) noexcept
        : file_descriptor(std::move(other)),
          how_(std::exchange(other.how_, posix::file_access())),
          access_(other.access_),
          what_(other.what_)
    {
    }
    file& operator=(file&& other) noexcept
    {
        file_descriptor::operator=(std::move(other));
        std::swap(how_, other.how_);
        std::swap(access_, other.access_);
        std::swap(what_, other.what_);
        return *this;
    }

    // Decides how to keep calls from waiting.
    void prepare() noexcept
    {
        switch (what_) {
        case what::disk: how_.way = posix::no_wait::never_waits; return;
        case what::device: return;
        case what::pipe:
            if (is_anonymous() && posix::kernel_features::get().nowait)
                how_.way = posix::no_wait::by_flag;
            else if (owned_ || access_ == O_RDONLY) // one more end that writes would hide the end of the stream
                reopen();
            return;
        case what::terminal: reopen(); [[fallthrough]];
        case what::pty_master: // which cannot be opened again: that makes a new one
            // Linux calls a terminal writable when fewer than 256 bytes wait in it.
            how_.most_after_poll = 256;
        }
    }

    bool can(direction d) const noexcept
    {
        return access_ == O_RDWR || access_ == (d == direction::read ? O_RDONLY : O_WRONLY);
    }
    io_result try_read(std::span<std::byte> in) noexcept
    {
        const io_result r = posix::read_file(how_, in);
        if (r.what() == io_result::status::end && !at_end())
            return io_result::would_block();
        if (what_ == what::pty_master && r.error() == boost::system::errc::io_error)
            return io_result::end(); // that is how Linux says that the other side was closed
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return posix::write_file(how_, out); }
    readiness arm(direction d) const noexcept
    {
        return what_ == what::disk ? readiness::now() : file_descriptor::arm(d);
    }
    void close() noexcept
    {
        close_reopened();
        file_descriptor::close();
    }
    native_handle_type release() noexcept
    {
        close_reopened();
        return file_descriptor::release();
    }

private:
    bool is_anonymous() const noexcept
    {
        struct statfs s;
        return ::fstatfs(fd_, &s) == 0 && s.f_type == PIPEFS_MAGIC;
    }
    // A description of our own for the same file. Waiting stays with the original: a FIFO remembers per description
    // whether there has been a writer yet.
    void reopen() noexcept
    {
        char name[32];
        std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd_);
        const int own = ::open(name, access_ | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (own < 0)
            return; // a FIFO without a reader, an exclusive terminal, no /proc: poll has to do
        how_.fd = own;
        how_.way = posix::no_wait::by_description;
    }
    void close_reopened() noexcept
    {
        if (how_.fd != fd_ && how_.fd != invalid_handle)
            ::close(how_.fd);
        how_.fd = invalid_handle;
    }
    // Whether a read that yielded nothing has met the end.
    bool at_end() const noexcept
    {
        switch (what_) {
        case what::pipe: return hung_up(); // else no writer has come yet
        case what::terminal: {             // a canonical one gives an empty line for Ctrl-D, another one if VMIN is 0
            termios settings;
            return ::tcgetattr(fd_, &settings) != 0 || (settings.c_lflag & ICANON) != 0 || hung_up();
        }
        default: return true;
        }
    }
    bool hung_up() const noexcept { return posix::ready(fd_, 0) != 0; }

    posix::file_access how_;
    int access_;
    what what_;
};

// What the system says about a descriptor number.
class found {
public:
    explicit found(int fd)
    {
        struct stat st;
        if (fd < 0 || ::fstat(fd, &st) != 0)
            throw_error(errc::bad_descriptor);
        const int flags = ::fcntl(fd, F_GETFL);
        if (flags < 0)
            throw_error(last_error());
        if ((flags & O_PATH) != 0)
            throw_error(errc::bad_descriptor);
        access_ = flags & O_ACCMODE;
        if (S_ISSOCK(st.st_mode)) {
            domain_ = option(fd, SO_DOMAIN);
            type_ = option(fd, SO_TYPE);
            if (accepts_connections(fd))
                throw_error(errc::listening);
        } else if (S_ISFIFO(st.st_mode))
            what_ = file::what::pipe;
        else if (S_ISCHR(st.st_mode)) {
            unsigned number;
            what_ = ::ioctl(fd, TIOCGPTN, &number) == 0 ? file::what::pty_master
                    : ::isatty(fd) != 0                 ? file::what::terminal
                                                        : file::what::device;
        } else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
            what_ = file::what::disk;
        else
            throw_error(errc::bad_descriptor);
    }

    [[nodiscard]] descriptor as(int fd, bool owned) const
    {
        if (type_ == SOCK_STREAM)
            return stream_socket(fd, owned);
        if (type_ != 0)
            return packet_socket(fd, owned, domain_, type_);
        file f(fd, owned, what_, access_);
        f.prepare();
        return f;
    }

private:
    static int option(int fd, int name)
    {
        int value = 0;
        socklen_t size = sizeof value;
        if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0)
            throw_error(last_error());
        return value;
    }

    int type_ = 0; // of a socket
    int domain_ = 0;
    file::what what_ = file::what::disk;
    int access_ = O_RDWR;
};

} // namespace

descriptor adopt(native_handle_type handle)
{
    const found f(handle);
    const int flags = ::fcntl(handle, F_GETFD);
    if (flags < 0 || ((flags & FD_CLOEXEC) == 0 && ::fcntl(handle, F_SETFD, flags | FD_CLOEXEC) != 0))
        throw_error(last_error());
    return f.as(handle, true);
}

descriptor duplicate(native_handle_type handle)
{
    const found f(handle);
    const int copy = ::fcntl(handle, F_DUPFD_CLOEXEC, 3); // 0, 1 and 2 have a meaning of their own
    if (copy < 0)
        throw_error(last_error());
    return f.as(copy, true);
}

descriptor borrow(native_handle_type handle)
{
    return found(handle).as(handle, false);
}

} // namespace ferrule
