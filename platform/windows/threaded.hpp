// Calls of handles that make whoever calls them wait, such as those of anonymous pipes. Private.
#pragma once

#include "platform/windows/overlapped.hpp"

namespace ferrule::windows {

/// Has one function at a time called by a thread of its own, which is started for the first.
class calling_thread {
public:
    calling_thread() : over_(make_event()) {}
    calling_thread(const calling_thread&) = delete;
    calling_thread& operator=(const calling_thread&) = delete;
    ~calling_thread();

    /// ERROR_IO_PENDING, or why there is no thread.
    DWORD start(void (*f)(void*) noexcept, void* argument) noexcept;
    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    /// Signalled when it is over.
    [[nodiscard]] HANDLE event() const noexcept { return over_.get(); }
    /// Whether it is; waits as long. Then it is pending no more.
    [[nodiscard]] bool finish(DWORD milliseconds) noexcept;
    /// Ends the call of Windows that the function waits in, and waits for it to return.
    void cancel() noexcept;

private:
    void work() noexcept;

    unique_handle over_;
    unique_handle thread_;
    bool pending_ = false;
    SRWLOCK lock_ = SRWLOCK_INIT; // what follows
    CONDITION_VARIABLE changed_ = CONDITION_VARIABLE_INIT;
    void (*next_)(void*) noexcept = nullptr;
    void* argument_ = nullptr;
    bool ends_ = false;
};

/// See `overlapped_call`.
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
    bool writes_ = false; // else it reads nothing
    byte_view data_;
    outcome outcome_{};
    calling_thread thread_; // last: ends first
};

} // namespace ferrule::windows
