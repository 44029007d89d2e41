// Waiting for a child process and ending it.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/native_handle.hpp>

namespace ferrule {

/// How a process ended.
class exit_status {
public:
    exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}

    /// The exit code; −1 if a signal ended the process.
    [[nodiscard]] int code() const noexcept { return code_; }
    /// The signal that ended the process, else 0. Always 0 on Windows.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    [[nodiscard]] bool success() const noexcept { return code_ == 0; }

private:
    int code_;
    int signal_;
};

/// A child process. Move-only. The destructor neither ends the child nor waits for it; it reaps a child that has
/// already ended.
///
/// Thread safety: one thread at a time.
class FERRULE_EXPORT child {
public:
    /// Takes over a child that was started by other means, such as `fork`.
    /// Platform: on Windows any process will do; throws `error` there.
    explicit child(int pid);
    /// Takes over a child and its `handle`, which is a pidfd, or on Windows the handle of the process.
    child(int pid, native_handle_type handle) noexcept;
    child(child&& other) noexcept;
    child& operator=(child&& other) noexcept;
    ~child();

    [[nodiscard]] int pid() const noexcept { return pid_; }

    /// Blocks until the child has ended. May be called again, both after an error and after it has returned. Needs no
    /// descriptor. If none is left, it polls every few milliseconds.
    /// Throws: `timeout_error`, `cancelled_error`.
    exit_status wait(const until& timeout = {});
    /// Returns −1 and no signal on error.
    exit_status wait(const until& timeout, error_code& ec);

    /// Ends the child immediately with SIGKILL; on Windows with exit code 1. Does nothing if the child has ended, and
    /// never hits another process that reuses its number. `wait` reaps the child.
    void kill() noexcept;

private:
    /// True once the child has ended.
    [[nodiscard]] bool reap(bool block) noexcept;
    /// Makes sure that `handle_` is set. False if the system cannot provide a handle.
    [[nodiscard]] bool has_handle() noexcept;

    int pid_ = -1;
    native_handle_type handle_ = invalid_handle; // becomes readable when the process ends
    bool ended_ = false;
    exit_status status_{-1, 0};
};

} // namespace ferrule
