// The kinds of descriptors, and how they are recognised. See platform/README.md for what each kind guarantees.
#include <ferrule/socket_like.hpp>

#include "platform/posix/file_io.hpp"
#include "platform/posix/last_error.hpp"
#include "platform/posix/socket.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <initializer_list>
#include <linux/magic.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

namespace ferrule {
namespace {

using posix::file_descriptor;
using posix::last_error;
using posix::socket_descriptor;

class stream_socket : public socket_descriptor {
public:
    enum class what : unsigned char { tcp, unix_domain, other };

    stream_socket(int fd, bool owned, what w) noexcept : socket_descriptor(fd, owned), what_(w) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (what_ != what::unix_domain)
            return read_result(recv(in, 0), in.size());
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const ssize_t n = recv(message, 0);
        cut_short_ = n < 0 ? false : (message.msg_flags & MSG_CTRUNC) != 0;
        return read_result(n, in.size());
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }
    // Urgent data, at which reads stop as well, is reported by epoll.
    bool drained() const noexcept { return what_ != what::other && !cut_short_; }

private:
    what what_;
    bool cut_short_ = false; // a read ends behind bytes that came with descriptors or credentials
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
                return failure(direction::read);
        }
        const ssize_t n = recv(in, 0);
        if (n < 0)
            return failure(direction::read);
        return n == 0 && has_end_ && at_end() ? end() : moved(direction::read, n);
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }

private:
    // Whether the 0 bytes just received were the end and not an empty packet. An empty packet directly before the end
    // looks the same.
    bool at_end() noexcept
    {
        int waiting = 0; // bytes
        return posix::ready(fd_, POLLRDHUP) != 0 && (::ioctl(fd_, FIONREAD, &waiting) != 0 || waiting == 0);
    }

    std::size_t largest_; // bytes of the largest possible packet
    bool has_end_;
};

// Every kind that `read` and `write` serve.
class file : public file_descriptor {
public:
    enum class what : unsigned char { pipe, terminal, pty_master, device, disk };

    file(int fd, bool owned, what w, int access) noexcept : file_descriptor(fd, owned), access_(access), what_(w)
    {
        how_[0].fd = how_[1].fd = fd_;
    }

    // Chooses how to keep calls from blocking.
    void prepare() noexcept
    {
        switch (what_) {
        case what::disk: use(posix::no_wait::never_waits); return;
        case what::device: ask_whether_it_waits({direction::read, direction::write}); return;
        case what::pipe:
            if (is_anonymous())
                use(posix::no_wait::by_flag);
            else
                reopen(access_);
            return;
        case what::terminal: reopen(access_); [[fallthrough]];
        case what::pty_master: // a re-open would make a new one
            // Linux calls a terminal writable when fewer than 256 bytes wait in it.
            how_[0].max_after_poll = how_[1].max_after_poll = 256;
        }
    }

    bool can(direction d) const noexcept
    {
        return access_ == O_RDWR || access_ == (d == direction::read ? O_RDONLY : O_WRONLY);
    }
    io_result try_read(std::span<std::byte> in) noexcept
    {
        const io_result r =
            attempt(direction::read, [&](posix::file_access& how) { return posix::read_file(how, in); });
        if (r.status() == io_status::end && !at_end())
            return io_result::would_block();
        // Linux reports EIO if the other side was closed. A slave reports it only for a moment.
        if (r.error() == boost::system::errc::io_error &&
            (what_ == what::pty_master || (what_ == what::terminal && hung_up())))
            return io_result::end();
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        return attempt(direction::write, [&](posix::file_access& how) { return posix::write_file(how, out); });
    }
    readiness arm(direction d) const noexcept
    {
        return how(d).way == posix::no_wait::never_waits ? readiness::now() : file_descriptor::arm(d);
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
    posix::file_access& how(direction d) noexcept { return how_[static_cast<std::size_t>(d)]; }
    const posix::file_access& how(direction d) const noexcept { return how_[static_cast<std::size_t>(d)]; }
    bool& unsettled(direction d) noexcept { return unsettled_[static_cast<std::size_t>(d)]; }

    template <class F>
    io_result attempt(direction d, F call) noexcept
    {
        if (unsettled(d)) {
            unsettled(d) = false;
            settle(d);
        }
        const posix::no_wait before = how(d).way;
        const io_result r = call(how(d));
        if (how(d).way != before)
            unsettled(d) = true; // the way was refused
        return r;
    }
    // Retries what was refused, or failed for lack of descriptors. The other direction may be in use.
    void settle(direction d) noexcept
    {
        if (what_ == what::device)
            ask_whether_it_waits({d});
        else
            reopen(d == direction::read ? O_RDONLY : O_WRONLY);
    }
    void use(posix::no_wait way) noexcept { how_[0].way = how_[1].way = way; }

    bool is_anonymous() const noexcept
    {
        struct statfs s;
        return ::fstatfs(fd_, &s) == 0 && s.f_type == PIPEFS_MAGIC;
    }
    // Opens a private description of the same file for the directions of `access`. Waits still use the original, since
    // a FIFO remembers per description whether there has been a writer yet.
    void reopen(int access) noexcept
    {
        if (what_ == what::pty_master || (what_ == what::pipe && !owned_ && access != O_RDONLY))
            return; // another write end would hide the end of the stream
        char name[32];
        std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd_);
        os::unique_handle own(::open(name, access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
        const bool later = !own.is_open() && posix::is_exhaustion(errno);
        for (const direction d : {direction::read, direction::write}) {
            if (access != O_RDWR && access != (d == direction::read ? O_RDONLY : O_WRONLY))
                continue;
            unsettled(d) = later;
            if (!own.is_open())
                continue; // `poll` must do, as for a FIFO without a reader, an exclusive terminal, or without /proc
            how(d).fd = own.get();
            how(d).way = posix::no_wait::by_description;
        }
        if (own.is_open())
            reopened_[access == O_WRONLY ? 1 : 0] = std::move(own);
    }
    void close_reopened() noexcept
    {
        for (const std::size_t i : {0u, 1u}) {
            how_[i].fd = invalid_handle;
            reopened_[i] = {};
        }
    }
    // Devices that epoll refuses, such as /dev/null, are always ready.
    void ask_whether_it_waits(std::initializer_list<direction> ds) noexcept
    {
        const int set = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event nothing{};
        const bool refused = set >= 0 && ::epoll_ctl(set, EPOLL_CTL_ADD, fd_, &nothing) != 0 && errno == EPERM;
        for (const direction d : ds) {
            unsettled(d) = set < 0;
            if (refused)
                how(d).way = posix::no_wait::never_waits;
        }
        if (set >= 0)
            ::close(set);
    }
    // Whether a read that yielded nothing has met the end.
    bool at_end() const noexcept
    {
        switch (what_) {
        case what::pipe: return hung_up(); // otherwise no writer has come yet
        case what::terminal: {             // canonical mode reads 0 bytes after Ctrl-D, other modes if VMIN is 0
            termios settings;
            return ::tcgetattr(fd_, &settings) != 0 || (settings.c_lflag & ICANON) != 0 || hung_up();
        }
        default: return true;
        }
    }
    bool hung_up() const noexcept { return posix::ready(fd_, 0) != 0; }

    posix::file_access how_[2];     // by direction
    os::unique_handle reopened_[2]; // used by `how_`; the first serves both directions if opened for both
    bool unsettled_[2] = {};        // there may be a better way
    int access_;
    what what_;
};

// The properties of a descriptor number.
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
            if (domain_ == AF_UNIX)
                stream_ = stream_socket::what::unix_domain;
            else if (option(fd, SO_PROTOCOL) == IPPROTO_TCP)
                stream_ = stream_socket::what::tcp;
            if (posix::accepts_connections(fd))
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
            return stream_socket(fd, owned, stream_);
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

    int type_ = 0; // SOCK_…, 0 if it is not a socket
    int domain_ = 0;
    stream_socket::what stream_ = stream_socket::what::other;
    file::what what_ = file::what::disk;
    int access_ = O_RDWR;
};

} // namespace

descriptor detail::own(native_handle_type handle)
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
    error_code ec;
    os::unique_handle copy(os::duplicate_handle(handle, ec));
    if (ec)
        throw_error(ec);
    descriptor d = f.as(copy.get(), true);
    (void)copy.release();
    return d;
}

descriptor borrow(native_handle_type handle)
{
    return found(handle).as(handle, false);
}

} // namespace ferrule

namespace ferrule::os {

native_handle_type duplicate_handle(native_handle_type h, error_code& ec) noexcept
{
    const int copy = ::fcntl(h, F_DUPFD_CLOEXEC, 3); // 0, 1 and 2 are the standard streams
    ec = copy < 0 ? posix::last_error() : error_code();
    return copy;
}

void close_handle(native_handle_type h) noexcept
{
    ::close(h);
}

} // namespace ferrule::os
