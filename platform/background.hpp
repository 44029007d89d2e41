// Blocking work in a thread of its own, and how that thread reports. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <functional>

namespace ferrule::os {

/// Calls `f` in a new detached thread. The thread gets no signals, which are for the program's threads. Throws `error`.
void start_thread(std::function<void()> f);

/// An event that other threads wait for until a thread rings it.
class doorbell {
public:
    /// Throws `error`.
    doorbell();
    doorbell(const doorbell&) = delete;
    doorbell& operator=(const doorbell&) = delete;
    ~doorbell();

    void ring() noexcept;
    /// Undoes all rings before.
    void silence() noexcept;
    [[nodiscard]] readiness wait_handle() const noexcept { return readiness::readable(handle_); }

private:
    native_handle_type handle_;
};

} // namespace ferrule::os
