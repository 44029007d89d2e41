// A pty, which stands for a serial line with its device. POSIX only.
#pragma once

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

#include <pty.h>
#include <termios.h>

namespace ferrule::test {

/// The slave is the port; the test plays the device at the master. Its other slave stays open, so that the pty outlives
/// each port.
class serial_pty {
public:
    serial_pty()
    {
        int m;
        int s;
        char name[64];
        must(::openpty(&m, &s, name, nullptr, nullptr));
        master_ = unique_fd(m);
        slave_ = unique_fd(s);
        must(::fcntl(m, F_SETFD, FD_CLOEXEC));
        must(::fcntl(s, F_SETFD, FD_CLOEXEC));
        path_ = name;
        termios t;
        must(::tcgetattr(s, &t));
        ::cfmakeraw(&t);
        must(::tcsetattr(s, TCSANOW, &t));
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] termios settings() const
    {
        termios t{}; // all of it, to be compared
        must(::tcgetattr(slave_.get(), &t));
        return t;
    }
    [[nodiscard]] speed_t speed() const
    {
        const termios t = settings();
        return ::cfgetospeed(&t);
    }
    [[nodiscard]] int slave() const { return slave_.get(); }
    /// The device, once.
    [[nodiscard]] duplex device()
    {
        descriptor d = adopt(master_.get());
        (void)master_.release();
        return duplex(std::move(d));
    }
    /// As when an adaptor is pulled out.
    void pull_out() { master_ = unique_fd(); }
    void close_slave() { slave_ = unique_fd(); }

private:
    unique_fd master_;
    unique_fd slave_;
    std::string path_;
};

} // namespace ferrule::test
