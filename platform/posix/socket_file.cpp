#include "platform/posix/socket_file.hpp"

#include "platform/posix/last_error.hpp"
#include "platform/sockaddr.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ferrule::posix {
namespace {

std::string folder_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

int bind(int socket, const os::native_address& at) noexcept
{
    return ::bind(socket, os::as_sockaddr(at), static_cast<socklen_t>(at.bytes.size()));
}

/// Whether the file is a socket, and nobody has it bound.
bool is_stale(const os::native_address& at, const std::string& path) noexcept
{
    struct stat file{};
    // The system refuses connections to other files as well.
    if (::lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    // A listener refuses a datagram socket as one of the wrong type, so that it does not have to accept it.
    const os::unique_handle probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return probe.is_open() &&
           ::connect(probe.get(), os::as_sockaddr(at), static_cast<socklen_t>(at.bytes.size())) != 0 &&
           errno == ECONNREFUSED;
}

} // namespace

folder_lock::folder_lock(const std::string& path_in_it)
    : folder_(::open(folder_of(path_in_it).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
{
    for (int tries = 0; folder_.is_open() && !held_ && tries < 100; ++tries) {
        held_ = ::flock(folder_.get(), LOCK_EX | LOCK_NB) == 0;
        if (!held_)
            (void)::poll(nullptr, 0, 1);
    }
}

socket_file::socket_file(int socket, const os::native_address& at, std::optional<unsigned> permissions,
                         const folder_lock& lock)
    : path_(os::text_of(at).name),
      generation_(detail::fork_generation())
{
    // Linux gives the file what the socket has, less the umask of the process; the rest is added below.
    if (permissions && ::fchmod(socket, *permissions) != 0)
        throw_error(last_error());
    if (bind(socket, at) != 0) {
        const error_code why = last_error();
        if (why != boost::system::errc::address_in_use || !lock.held() || !is_stale(at, path_) ||
            ::unlink(path_.c_str()) != 0)
            throw_error(why);
        if (bind(socket, at) != 0)
            throw_error(last_error());
    }
    struct stat file{};
    if (::lstat(path_.c_str(), &file) == 0) {
        device_ = file.st_dev;
        inode_ = file.st_ino;
    }
    if (permissions && ::chmod(path_.c_str(), *permissions) != 0) {
        const error_code why = last_error();
        (void)::unlink(path_.c_str());
        throw_error(why);
    }
}

socket_file::~socket_file()
{
    struct stat file{};
    if (generation_ == detail::fork_generation() && ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ &&
        file.st_ino == inode_)
        (void)::unlink(path_.c_str());
}

} // namespace ferrule::posix
