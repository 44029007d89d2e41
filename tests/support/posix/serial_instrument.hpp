// An instrument at the end of a serial line, which is a pty.
#pragma once

#include "support/instrument.hpp"
#include "support/posix/serial_pty.hpp"

#include <atomic>
#include <thread>

namespace ferrule::test {

/// Answers as `answer_as_instrument` says. Its destruction pulls it out.
class serial_instrument {
public:
    serial_instrument()
        : device_(pty_.device()),
          thread_([this] {
              try {
                  answer_as_instrument(device_, [this](const std::string&) { ++commands_; });
              } catch (const error&) { // it is pulled out
              }
          })
    {
    }
    serial_instrument(const serial_instrument&) = delete;
    serial_instrument& operator=(const serial_instrument&) = delete;
    ~serial_instrument()
    {
        device_.close();
        thread_.join();
    }

    [[nodiscard]] const std::string& path() const { return pty_.path(); }
    [[nodiscard]] termios settings() const { return pty_.settings(); }
    /// How many have come.
    [[nodiscard]] int commands() const noexcept { return commands_; }

private:
    serial_pty pty_;
    std::atomic<int> commands_ = 0;
    duplex device_;
    std::thread thread_;
};

} // namespace ferrule::test
