#include "platform/background.hpp"

#include "platform/windows/handle.hpp"

#include <thread>

namespace ferrule::os {

void start_thread(std::function<void()> f)
{
    try {
        std::thread(std::move(f)).detach();
    } catch (const std::system_error& e) {
        throw_error({e.code().value(), boost::system::system_category()});
    }
}

doorbell::doorbell() : handle_(windows::make_event().release()) {}

doorbell::~doorbell()
{
    ::CloseHandle(handle_);
}

void doorbell::ring() noexcept
{
    ::SetEvent(handle_);
}

void doorbell::silence() noexcept
{
    ::ResetEvent(handle_);
}

} // namespace ferrule::os
