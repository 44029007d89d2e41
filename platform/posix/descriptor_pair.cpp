#include <ferrule/platform/pair.hpp>

#include "platform/posix/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ferrule {
namespace {

std::pair<descriptor, descriptor> adopt_both(int result, const int (&fds)[2])
{
    if (result != 0)
        throw_error({errno, boost::system::system_category()});
    posix::unique_fd one(fds[0]);
    posix::unique_fd other(fds[1]);
    descriptor first = detail::own(one.get());
    (void)one.release();
    descriptor second = detail::own(other.get());
    (void)other.release();
    return {std::move(first), std::move(second)};
}

// With the default, 208 KiB, a message of 1 MiB takes its sender seven calls and as many waits. The system may allow less;
// memory is used only while bytes are under way.
void grow_send_buffer(int fd) noexcept
{
    const int wanted = 1024 * 1024;
    int now = 0;
    socklen_t size = sizeof now;
    if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &size) == 0 && now < wanted)
        ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
}

} // namespace

std::pair<descriptor, descriptor> pipe_descriptors(ordinary_end)
{
    int fds[2];
    const int result = ::pipe2(fds, O_CLOEXEC);
    // A message of 64 KiB and its header do not fit into the default of 64 KiB, which halves the speed (more would
    // gain little and soon use up what one user may have). Refused: then it stays as it is.
    if (result == 0)
        ::fcntl(fds[1], F_SETPIPE_SZ, 256 * 1024);
    return adopt_both(result, fds);
}

std::pair<descriptor, descriptor> socketpair_descriptors()
{
    int fds[2];
    const int result = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    if (result == 0)
        for (const int fd : fds)
            grow_send_buffer(fd);
    return adopt_both(result, fds);
}

} // namespace ferrule
