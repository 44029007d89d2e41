// Threads of the system's pool set one event when one of the handles is signalled. At any time the event is set, or a
// pool thread waits for each handle.
#include "platform/poll_set.hpp"
#include "platform/windows/handle.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>

namespace ferrule::os {

using namespace windows;

namespace {

struct watched {
    watched(const void* k, HANDLE h, HANDLE set) noexcept : key(k), handle(h), event(set) {}

    [[nodiscard]] bool is_signalled() const noexcept { return ::WaitForSingleObject(handle, 0) == WAIT_OBJECT_0; }
    [[nodiscard]] bool watch() noexcept
    {
        wait.stop();
        told = false;
        return wait.start(handle, &tell, this, true);
    }
    static void CALLBACK tell(void* self, BOOLEAN) noexcept
    {
        watched& w = *static_cast<watched*>(self);
        w.told = true;
        ::SetEvent(w.event);
    }

    const void* const key;
    const HANDLE handle;
    const HANDLE event;
    std::atomic<bool> told{false}; // the wait is over, and none has begun since
    pool_wait wait;                // last, so that it ends first
};

} // namespace

struct poll_set::state {
    state() : timer(::CreateWaitableTimerW(nullptr, TRUE, nullptr))
    {
        if (!timer.is_open())
            throw_error(last_error());
    }

    unique_handle event = make_event();
    unique_handle timer;
    std::list<watched> all;
};

poll_set::poll_set() : state_(std::make_unique<state>())
{
    add(nullptr, readiness::readable(state_->timer.get()));
}

poll_set::~poll_set() = default;

readiness poll_set::wait_handle() const noexcept
{
    return readiness::readable(state_->event.get());
}

void poll_set::add(const void* key, const readiness& what)
{
    watched& w = state_->all.emplace_back(key, what.handle(), state_->event.get());
    if (w.watch())
        return;
    const error_code ec = last_error();
    state_->all.pop_back();
    throw_error(ec);
}

void poll_set::remove(const readiness& what) noexcept
{
    auto& all = state_->all;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const watched& w) { return w.handle == what.handle(); });
    if (found != all.end())
        all.erase(found);
}

void poll_set::set_time(const deadline& d) noexcept
{
    using ticks = std::chrono::duration<LONGLONG, std::ratio<1, 10'000'000>>;
    constexpr ticks max_wait = std::chrono::hours(24 * 365); // longer than any real wait
    ticks left = max_wait;
    if (!d.is_never())
        left = d.expired() ? ticks(0) : std::min(std::chrono::ceil<ticks>(d.at() - deadline::clock::now()), max_wait);
    LARGE_INTEGER due;
    due.QuadPart = -std::max(left, ticks(1)).count(); // negative means relative to now
    ::SetWaitableTimer(state_->timer.get(), &due, 0, nullptr, nullptr, FALSE);
}

std::size_t poll_set::ready(std::span<const void*> out) noexcept
{
    auto& all = state_->all;
    ::ResetEvent(state_->event.get());
    std::size_t n = 0;
    auto next = all.begin();
    for (std::size_t left = all.size(); left > 0; --left) {
        const auto w = next++;
        if (w->is_signalled()) {
            ::SetEvent(state_->event.get());
            if (n == out.size())
                continue;
            out[n++] = w->key;
            all.splice(all.end(), all, w); // so that others come first next time
        } else if (w->told && !w->watch())
            ::SetEvent(state_->event.get());
    }
    return n;
}

} // namespace ferrule::os
