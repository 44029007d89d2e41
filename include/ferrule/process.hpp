// Child processes with one chosen descriptor.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/endpoint.hpp>

#include <string>
#include <vector>

namespace ferrule {

/// How a process ended.
class exit_status {
public:
    exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}

    /// Exit code; −1 if a signal ended it.
    [[nodiscard]] int code() const noexcept { return code_; }
    /// The signal that ended it, else 0.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    [[nodiscard]] bool success() const noexcept { return code_ == 0; }

private:
    int code_;
    int signal_;
};

/// A child process. Move-only. Destroying it neither ends the child nor waits for it; a child that has already ended is
/// reaped. One thread at a time.
class FERRULE_EXPORT child {
public:
    /// Takes over a child of this process that was started otherwise, such as by fork.
    explicit child(int pid);
    child(child&& other) noexcept;
    child& operator=(child&& other) noexcept;
    ~child();

    [[nodiscard]] int pid() const noexcept { return pid_; }

    /// Blocks until the child has ended. Throws `timeout_error`, `cancelled_error`; calling it again then is fine, as is
    /// calling it again after it has returned.
    exit_status wait(const until& limit = {});

    /// Ends the child at once (SIGKILL). Nothing happens if it has ended. `wait` reaps it.
    void kill() noexcept;

private:
    [[nodiscard]] bool reap(bool block) noexcept;

    int pid_ = -1;
    native_handle_type handle_ = invalid_handle; // becomes readable when the process ends
    bool ended_ = false;
    exit_status status_{-1, 0};
};

/// Starts `command` (a program, searched in PATH, and its arguments) with standard input, output and error, and with
/// `inherited` as its descriptor `number` (at least 3). It inherits nothing else, whatever other threads open or start
/// meanwhile, even descriptors that are not close-on-exec. Close your copy of `inherited` afterwards, so that the end of
/// the child is seen as the end of the stream. Blocks until the program has been loaded. Throws `error`: what the system
/// says of the program, `errc::closed`, `errc::invalid_argument`.
[[nodiscard]] FERRULE_EXPORT child spawn(const std::vector<std::string>& command, const endpoint& inherited,
                                         int number = 3);

} // namespace ferrule
