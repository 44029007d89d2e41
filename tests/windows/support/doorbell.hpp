// See tests/support/doorbell.hpp.
#pragma once

#include <winsock2.h>

#include <windows.h>

namespace ferrule::test {

class doorbell {
public:
    doorbell() : event_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {}
    doorbell(const doorbell&) = delete;
    doorbell& operator=(const doorbell&) = delete;
    ~doorbell() { ::CloseHandle(event_); }

    void set(bool on) noexcept { (void)(on ? ::SetEvent(event_) : ::ResetEvent(event_)); }
    [[nodiscard]] HANDLE handle() const noexcept { return event_; }

private:
    HANDLE event_;
};

} // namespace ferrule::test
