#include "platform/poll_set.hpp"
#include "platform/posix/last_error.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace ferrule::os {

struct poll_set::state {
    os::unique_handle events = posix::checked(::epoll_create1(EPOLL_CLOEXEC));
    os::unique_handle timer = posix::checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
};

poll_set::poll_set() : state_(std::make_unique<state>())
{
    add(nullptr, readiness::readable(state_->timer.get()));
}

poll_set::~poll_set() = default;

readiness poll_set::wait_handle() const noexcept
{
    return readiness::readable(state_->events.get());
}

void poll_set::add(const void* key, const readiness& what)
{
    epoll_event e{};
    e.events = what.for_write() ? EPOLLOUT : EPOLLIN;
    e.data.ptr = const_cast<void*>(key);
    if (::epoll_ctl(state_->events.get(), EPOLL_CTL_ADD, what.handle(), &e) != 0)
        throw_error(posix::last_error());
}

void poll_set::remove(const readiness& what) noexcept
{
    ::epoll_ctl(state_->events.get(), EPOLL_CTL_DEL, what.handle(), nullptr);
}

void poll_set::set_time(const deadline& d) noexcept
{
    using namespace std::chrono;
    itimerspec at{}; // zero means never
    if (!d.is_never()) {
        const auto since = std::max<nanoseconds>(d.at().time_since_epoch(), nanoseconds(1));
        at.it_value = {static_cast<std::time_t>(floor<seconds>(since).count()),
                       static_cast<long>((since - floor<seconds>(since)).count())};
    }
    ::timerfd_settime(state_->timer.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

std::size_t poll_set::ready(std::span<const void*> out) noexcept
{
    std::array<epoll_event, 64> events;
    int n;
    do
        n = ::epoll_wait(state_->events.get(), events.data(), static_cast<int>(std::min(events.size(), out.size())), 0);
    while (n < 0 && errno == EINTR);
    for (int i = 0; i < n; ++i)
        out[static_cast<std::size_t>(i)] = events[static_cast<std::size_t>(i)].data.ptr;
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

} // namespace ferrule::os
