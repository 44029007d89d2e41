#include "support/doorbell.hpp"

#include <winsock2.h>

#include <windows.h>

namespace ferrule::test {

doorbell::doorbell() : handle_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {}

void doorbell::signal(bool on) noexcept
{
    (void)(on ? ::SetEvent(handle()) : ::ResetEvent(handle()));
}

} // namespace ferrule::test
