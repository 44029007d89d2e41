#include <ferrule/platform/pair.hpp>

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
    return {adopt(fds[0]), adopt(fds[1])};
}

} // namespace

std::pair<descriptor, descriptor> pipe_descriptors()
{
    int fds[2];
    return adopt_both(::pipe2(fds, O_CLOEXEC), fds);
}

std::pair<descriptor, descriptor> socketpair_descriptors()
{
    int fds[2];
    return adopt_both(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), fds);
}

} // namespace ferrule
