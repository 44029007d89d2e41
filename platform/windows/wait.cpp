#include "platform/caught.hpp"
#include "platform/per_thread.hpp"
#include "platform/reactor.hpp"
#include "platform/timeout.hpp"
#include "platform/windows/handle.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <array>

namespace ferrule::os {

using windows::last_error;

bool single_threaded() noexcept
{
    return false;
}

wakeup& wakeup::of_this_thread()
{
    struct own {
        wakeup w;
    };
    return per_thread<own>().w;
}

wakeup::wakeup()
{
    open();
}

wakeup::~wakeup()
{
    if (handle_ != invalid_handle)
        ::CloseHandle(handle_);
}

void wakeup::open()
{
    handle_ = windows::make_event().release();
}

void wakeup::signal() noexcept
{
    ::SetEvent(handle_);
}

void wakeup::clear() noexcept
{
    ::ResetEvent(handle_);
}

wait_result wait(std::span<const readiness> targets, wakeup& w, const deadline& d) noexcept
{
    std::array<HANDLE, 5> handles{w.handle()};
    DWORD n = 1;
    for (const readiness& t : targets) {
        if (t.is_now())
            return wait_result::ready;
        handles[n++] = t.handle();
    }
    for (;;) {
        const DWORD r = ::WaitForMultipleObjects(n, handles.data(), FALSE, static_cast<DWORD>(milliseconds_until(d)));
        if (r == WAIT_OBJECT_0)
            return wait_result::woken;
        if (r != WAIT_TIMEOUT)
            return wait_result::ready; // or a closed handle, and the next attempt decides
        if (d.expired())
            return wait_result::late;
    }
}

native_handle_type duplicate_event(native_handle_type h, error_code& ec) noexcept
{
    windows::unique_handle copy = windows::copy_of(h);
    if (!copy.is_open())
        ec = last_error();
    return copy.release();
}

void close_event(native_handle_type h) noexcept
{
    ::CloseHandle(h);
}

/// A thread of the system's pool sets the event when a target is signalled. The event stays while the targets change.
struct readiness_set::state {
    windows::unique_handle event = windows::make_event();
    std::array<windows::pool_wait, 2> waits;
};

readiness_set::readiness_set() noexcept = default;
readiness_set::readiness_set(readiness_set&& other) noexcept = default;
readiness_set& readiness_set::operator=(readiness_set&& other) noexcept = default;
readiness_set::~readiness_set() = default;

bool readiness_set::is_open() const noexcept
{
    return state_ != nullptr;
}

error_code readiness_set::open() noexcept
{
    try {
        state_ = std::make_unique<state>();
        return {};
    } catch (...) {
        return caught();
    }
}

native_handle_type readiness_set::handle() const noexcept
{
    return state_->event.get();
}

error_code readiness_set::watch(std::span<const readiness> targets) noexcept
{
    unwatch();
    const auto set = [](void* event, BOOLEAN) { ::SetEvent(event); };
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (targets[i].is_now())
            ::SetEvent(state_->event.get());
        else if (!state_->waits[i].start(targets[i].handle(), set, state_->event.get(), true))
            return last_error();
    }
    return {};
}

void readiness_set::unwatch() noexcept
{
    if (!state_)
        return;
    for (windows::pool_wait& w : state_->waits)
        w.stop();
    ::ResetEvent(state_->event.get());
}

} // namespace ferrule::os

namespace ferrule::detail {

// Windows does not fork.
namespace {
constinit const std::atomic<std::uint32_t> the_only{1};
}
constinit std::atomic<const std::atomic<std::uint32_t>*> generation_page{&the_only};

std::uint32_t next_fork_generation() noexcept
{
    return 1;
}

} // namespace ferrule::detail
