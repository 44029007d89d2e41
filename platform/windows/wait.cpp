#include "platform/caught.hpp"
#include "platform/per_thread.hpp"
#include "platform/reactor.hpp"
#include "platform/timeout.hpp"
#include "platform/windows/handle.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <array>
#include <mutex>
#include <utility>

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

struct readiness_set::entry {
    entry(member& m, state& s) noexcept : of(m), in(s) {}

    static void CALLBACK found(void* self, BOOLEAN) noexcept;

    member& of;
    state& in;
    entry* next = nullptr;
    bool is_found = false;
    std::array<windows::pool_wait, 2> each; // last, so that they end first
};

struct readiness_set::state {
    // Under the mutex.
    void add(entry& w) noexcept
    {
        if (!std::exchange(w.is_found, true))
            w.next = std::exchange(found, &w);
        ::SetEvent(event.get());
    }
    void remove(const entry& w) noexcept
    {
        const std::lock_guard guard(mutex);
        for (entry** at = &found; *at != nullptr; at = &(*at)->next)
            if (*at == &w) {
                *at = w.next;
                return;
            }
    }

    const windows::unique_handle event = windows::make_event();
    std::mutex mutex; // guards the list of those that a thread of the pool has found ready
    entry* found = nullptr;
};

void CALLBACK readiness_set::entry::found(void* self, BOOLEAN) noexcept
{
    entry& w = *static_cast<entry*>(self);
    const std::lock_guard guard(w.in.mutex);
    w.in.add(w);
}

readiness_set::member::member() noexcept = default;
readiness_set::member::~member() = default;

readiness_set::readiness_set() noexcept = default;
readiness_set::readiness_set(readiness_set&& other) noexcept = default;
readiness_set& readiness_set::operator=(readiness_set&& other) noexcept = default;
readiness_set::~readiness_set() = default;

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

error_code readiness_set::watch(member& m, std::span<const readiness> targets, bool) noexcept
{
    unwatch(m);
    try {
        m.waits_ = std::make_unique<entry>(m, *state_);
    } catch (...) {
        return caught();
    }
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (targets[i].is_now()) {
            const std::lock_guard guard(state_->mutex);
            state_->add(*m.waits_);
        } else if (!m.waits_->each[i].start(targets[i].handle(), entry::found, m.waits_.get(), true)) {
            const error_code ec = last_error();
            unwatch(m);
            return ec;
        }
    }
    return {};
}

void readiness_set::unwatch(member& m) noexcept
{
    if (!m.waits_)
        return;
    for (windows::pool_wait& w : m.waits_->each)
        w.stop();
    state_->remove(*m.waits_);
    m.waits_.reset();
}

void readiness_set::visit_ready(visitor& v) noexcept
{
    const std::lock_guard guard(state_->mutex);
    ::ResetEvent(state_->event.get());
    for (entry* w = std::exchange(state_->found, nullptr); w != nullptr;) {
        entry& current = *std::exchange(w, w->next);
        current.is_found = false;
        if (!v.found(current.of, report::last))
            state_->add(current);
    }
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
