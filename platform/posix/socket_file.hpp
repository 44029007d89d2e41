// The file of a unix socket. Private.
#pragma once

#include "platform/net.hpp"
#include "platform/unique_handle.hpp"

#include <optional>
#include <string>
#include <sys/types.h>

namespace ferrule::posix {

/// Keeps other processes that use ferrule from binding in a folder, so that none removes a file at which another is about
/// to listen. Anybody who may read the folder could hold the lock, so it is given up after 100 ms.
class folder_lock {
public:
    explicit folder_lock(const std::string& path_in_it);

    [[nodiscard]] bool held() const noexcept { return held_; }

private:
    os::unique_handle folder_;
    bool held_ = false;
};

/// The file that binding a socket has made. The destructor removes it if it is still that file, and in the process that
/// has made it.
class socket_file {
public:
    /// Binds `socket`. With `permissions` the file has them from the beginning. If there is a file already, at which
    /// nobody listens, and the lock is held, it is replaced. Throws `error`.
    socket_file(int socket, const os::native_address& at, std::optional<unsigned> permissions, const folder_lock& lock);
    socket_file(const socket_file&) = delete;
    socket_file& operator=(const socket_file&) = delete;
    ~socket_file();

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::uint32_t generation_;
};

} // namespace ferrule::posix
