// A descriptor that closes itself. Private.
#pragma once

#include <ferrule/error.hpp>

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace ferrule::posix {

/// Owns a descriptor. Move-only.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd()
    {
        if (is_open())
            ::close(fd_);
    }

    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// What a call has returned that makes a descriptor. Throws `error`.
inline unique_fd checked(int fd)
{
    if (fd < 0)
        throw_error({errno, boost::system::system_category()});
    return unique_fd(fd);
}

} // namespace ferrule::posix
