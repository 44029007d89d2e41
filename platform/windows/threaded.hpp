// Calls on handles that always block, such as those of anonymous pipes. Private.
#pragma once

#include "platform/windows/overlapped.hpp"

namespace ferrule::windows {

/// Calls one function at a time in its own thread, which the first call starts.
class calling_thread {
public:
    calling_thread() : over_(make_event()) {}
    calling_thread(const calling_thread&) = delete;
    calling_thread& operator=(const calling_thread&) = delete;
    ~calling_thread();

    /// Returns ERROR_IO_PENDING, or an error if there is no thread.
    DWORD start(void (*f)(void*) noexcept, void* argument) noexcept;
    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    /// Signalled when the function has returned.
    [[nodiscard]] HANDLE event() const noexcept { return over_.get(); }
    /// Waits for at most `milliseconds`. Returns whether the function has returned and is no longer pending.
    [[nodiscard]] bool finish(DWORD milliseconds) noexcept;
    /// Ends the system call in which the function blocks, and waits for the function to return.
    void cancel() noexcept;

private:
    void work() noexcept;

    unique_handle over_;
    unique_handle thread_;
    bool pending_ = false;
    SRWLOCK lock_ = SRWLOCK_INIT; // for what follows
    CONDITION_VARIABLE changed_ = CONDITION_VARIABLE_INIT;
    void (*next_)(void*) noexcept = nullptr;
    void* argument_ = nullptr;
    bool ends_ = false;
};

/// Has the interface of `overlapped_call`.
class threaded_call {
public:
    DWORD probe(HANDLE h) noexcept;
    DWORD write(HANDLE h, byte_view data) noexcept;
    outcome take(HANDLE h, std::span<std::byte> in) noexcept;

    [[nodiscard]] bool is_pending() const noexcept { return thread_.is_pending(); }
    [[nodiscard]] HANDLE event() const noexcept { return thread_.event(); }
    [[nodiscard]] outcome result(HANDLE, bool wait = false) noexcept;
    outcome cancel(HANDLE) noexcept;

private:
    [[nodiscard]] DWORD start() noexcept;
    [[nodiscard]] outcome run() const noexcept;

    HANDLE handle_ = nullptr;
    bool writes_ = false; // otherwise it reads 0 bytes
    byte_view data_;
    outcome outcome_{};
    calling_thread thread_; // last, so that it ends first
};

} // namespace ferrule::windows
