// Calls of handles that make whoever calls them wait, such as those of anonymous pipes. Private.
#pragma once

#include "platform/windows/overlapped.hpp"

namespace ferrule::windows {

/// One call at a time, by a thread of its own, which is started for the first. See `overlapped_call`.
class threaded_call {
public:
    threaded_call() : over_(make_event()) {}
    threaded_call(const threaded_call&) = delete;
    threaded_call& operator=(const threaded_call&) = delete;
    ~threaded_call();

    DWORD probe(HANDLE h) noexcept;
    DWORD write(HANDLE h, byte_view data) noexcept;
    outcome take(HANDLE h, std::span<std::byte> in) noexcept;

    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    [[nodiscard]] HANDLE event() const noexcept { return over_.get(); }
    [[nodiscard]] outcome result(HANDLE, bool wait = false) noexcept;
    outcome cancel(HANDLE h) noexcept;

private:
    struct job {
        HANDLE handle = nullptr;
        bool writes = false; // else it reads nothing
        byte_view data{};
    };
    [[nodiscard]] DWORD start(const job& j) noexcept;
    [[nodiscard]] static outcome run(const job& j) noexcept;
    void work() noexcept;

    unique_handle over_;
    unique_handle thread_;
    bool pending_ = false;
    SRWLOCK lock_ = SRWLOCK_INIT; // what follows
    CONDITION_VARIABLE changed_ = CONDITION_VARIABLE_INIT;
    job next_;
    bool ends_ = false;
    outcome outcome_{};
};

} // namespace ferrule::windows
