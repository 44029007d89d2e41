#include "platform/handle_socket.hpp"

#include "platform/posix/socket.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace ferrule {

std::size_t detail::handle_arrivals::max_held() noexcept
{
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    return static_cast<std::size_t>(std::min<rlim_t>(1024, descriptors.rlim_cur / 4));
}

namespace os {
namespace {

using detail::handle_arrival;
using detail::handle_arrivals;

constexpr std::size_t max_handles = 253; // per message on Linux (SCM_MAX_FD)

class link_socket : public posix::socket_descriptor {
public:
    link_socket(int fd, std::shared_ptr<handle_arrivals> a) noexcept
        : socket_descriptor(fd, true),
          arrivals_(std::move(a))
    {
    }

    // A read of several bytes does not tell which of them brought its handles. The system joins bytes sent without
    // handles to bytes sent with them. So handles count only in reads of one byte, and other reads lose them.
    io_result try_read(std::span<std::byte> in) noexcept
    {
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const ssize_t n = recv(message, MSG_PEEK);
        if (n <= 0)
            return read_result(n, in.size());
        const std::span<std::byte> seen = in.first(static_cast<std::size_t>(n));
        if ((message.msg_flags & MSG_CTRUNC) == 0)
            return read(seen);
        const std::size_t first = start_of_last(seen);
        std::size_t done = 0;
        for (const std::span<std::byte> some : {seen.first(first), seen.subspan(first, 1), seen.subspan(first + 1)}) {
            if (some.empty())
                continue;
            const io_result r = some.size() == 1 ? read_byte(some) : read(some);
            done += r.size();
            if (r.size() < some.size())
                return done == 0 ? r : io_result::moved(done);
        }
        return io_result::moved(done);
    }

    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept
    {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof beside)> control{};
        cmsghdr c{};
        c.cmsg_level = SOL_SOCKET;
        c.cmsg_type = SCM_RIGHTS;
        c.cmsg_len = CMSG_LEN(sizeof beside);
        std::memcpy(control.data(), &c, sizeof c);
        std::memcpy(control.data() + CMSG_LEN(0), &beside, sizeof beside);
        return send(out, control);
    }

    void close() noexcept
    {
        socket_descriptor::close();
        arrivals_->clear();
    }

private:
    // Returns where the piece begins that contains the last of these bytes. The system copies the pieces that the peer
    // has sent one by one, and stops before a piece that it cannot copy whole.
    std::size_t start_of_last(std::span<std::byte> seen) noexcept
    {
        if (seen.size() == 1)
            return 0;
        static constexpr std::byte read_only{};
        iovec parts[] = {{seen.data(), seen.size() - 1}, {const_cast<std::byte*>(&read_only), 1}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = std::size(parts);
        const ssize_t n = recv(message, MSG_PEEK);
        return n < 0 ? 0 : std::min(static_cast<std::size_t>(n), seen.size() - 1);
    }

    /// Reads a byte that brings a handle. Without memory, both stay in the socket.
    io_result read_byte(std::span<std::byte> in) noexcept
    {
        try {
            arrivals_->expect();
        } catch (const std::bad_alloc&) {
            return io_result::failed(detail::no_memory());
        }
        const std::uint64_t position = received_;
        handle_arrival a;
        const io_result r = read(in, a);
        if (r.size() != 0)
            arrivals_->add(position, std::move(a));
        else
            arrivals_->expect_none();
        return r;
    }
    io_result read(std::span<std::byte> in) noexcept
    {
        handle_arrival a;
        const io_result r = read(in, a);
        if (a.is_several || a.is_cut || a.handle.is_open())
            arrivals_->lose(received_);
        return r;
    }
    io_result read(std::span<std::byte> in, handle_arrival& a) noexcept
    {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(max_handles * sizeof(int))> control;
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t n = recv(message, MSG_CMSG_CLOEXEC);
        if (n > 0) {
            take_over(message, a);
            received_ += static_cast<std::uint64_t>(n);
        }
        return read_result(n, in.size());
    }

    static void take_over(msghdr& message, handle_arrival& a) noexcept
    {
        a.is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            const std::size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            a.is_several = n > 1;
            for (std::size_t i = 0; i < n; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                unique_handle h(fd);
                if (n == 1)
                    a.handle = std::move(h);
            }
        }
    }

    std::shared_ptr<handle_arrivals> arrivals_;
    std::uint64_t received_ = 0; // bytes
};

} // namespace

descriptor open_handle_socket(native_handle_type socket, std::shared_ptr<handle_arrivals> a)
{
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        throw_error(errc::bad_descriptor);
    size = sizeof type;
    if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || domain != AF_UNIX || type != SOCK_STREAM)
        throw_error(errc::unsupported);
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    return detail::callers(link_socket(socket, std::move(a)));
}

std::pair<unique_handle, unique_handle> handle_sockets()
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        throw_error(posix::last_error());
    return {unique_handle(fds[0]), unique_handle(fds[1])};
}

} // namespace os
} // namespace ferrule
