#include <ferrule/platform/descriptor_pair.hpp>

#include "platform/posix/last_error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ferrule {
namespace {

std::pair<descriptor, descriptor> adopt_both(int result, const int (&fds)[2])
{
    if (result != 0)
        throw_error(posix::last_error());
    os::unique_handle one(fds[0]);
    os::unique_handle other(fds[1]);
    descriptor first = one.adopt();
    return {std::move(first), other.adopt()};
}

// With the default of 208 KiB, a message of 1 MiB takes seven calls and as many waits. The system may allow less than
// 1 MiB. Memory is used only while bytes are in transit.
void grow_send_buffer(int fd) noexcept
{
    const int wanted = 1024 * 1024;
    int now = 0;
    socklen_t size = sizeof now;
    if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &size) == 0 && now < wanted)
        ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
}

} // namespace

std::pair<descriptor, descriptor> pipe_descriptors(synchronous_end)
{
    int fds[2];
    const int result = ::pipe2(fds, O_CLOEXEC);
    // A message of 64 KiB and its header do not fit into the default of 64 KiB, which halves the speed. A larger size
    // gains little and soon exhausts the user's quota. If the call is refused, the default stays.
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
