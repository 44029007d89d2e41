// A handle that is readable while it is rung: what types without a handle of their own wait with.
#pragma once

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace ferrule::test {

class doorbell {
public:
    doorbell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    doorbell(const doorbell&) = delete;
    doorbell& operator=(const doorbell&) = delete;
    ~doorbell() { ::close(fd_); }

    void set(bool on) noexcept
    {
        std::uint64_t n = 1;
        if (on && !on_)
            (void)!::write(fd_, &n, sizeof n);
        if (!on && on_)
            (void)!::read(fd_, &n, sizeof n);
        on_ = on;
    }
    [[nodiscard]] int handle() const noexcept { return fd_; }

private:
    int fd_;
    bool on_ = false;
};

} // namespace ferrule::test
