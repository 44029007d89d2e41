#include "platform/os.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace ferrule::os {
namespace {

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

int milliseconds_until(const deadline& d) noexcept
{
    if (d.is_never())
        return -1;
    if (d.is_now())
        return 0;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(d.at() - deadline::clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 24 * 3600 * 1000));
}

} // namespace

wakeup& wakeup::of_this_thread()
{
    thread_local wakeup mine;
    // The child of a fork shares the event with the parent's thread until it makes its own.
    if (mine.generation_ != detail::fork_generation())
        mine.open();
    return mine;
}

wakeup::wakeup()
{
    open();
}

wakeup::~wakeup()
{
    if (handle_ != invalid_handle)
        ::close(handle_);
}

void wakeup::open()
{
    if (handle_ != invalid_handle)
        ::close(std::exchange(handle_, invalid_handle));
    handle_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (handle_ < 0)
        throw_error(last_error());
    generation_ = detail::fork_generation();
}

void wakeup::signal() noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(handle_, &one, sizeof one);
}

void wakeup::clear() noexcept
{
    std::uint64_t count;
    [[maybe_unused]] const auto n = ::read(handle_, &count, sizeof count);
}

wait_result wait(std::span<const readiness> targets, wakeup& w, const deadline& d) noexcept
{
    pollfd fds[5] = {{w.handle(), POLLIN, 0}};
    nfds_t n = 1;
    for (const readiness& t : targets) {
        if (t.is_now())
            return wait_result::ready;
        fds[n++] = {t.handle(), static_cast<short>(t.for_write() ? POLLOUT : POLLIN), 0};
    }
    for (;;) {
        const int r = ::poll(fds, n, milliseconds_until(d));
        if (r < 0 && errno != EINTR)
            return wait_result::ready; // ENOMEM: the attempt that follows decides
        if (r > 0)
            return fds[0].revents != 0 ? wait_result::woken : wait_result::ready;
        if (d.expired())
            return wait_result::late;
    }
}

readiness_set::readiness_set(readiness_set&& other) noexcept
{
    *this = std::move(other);
}

readiness_set& readiness_set::operator=(readiness_set&& other) noexcept
{
    std::swap(handle_, other.handle_);
    std::swap(entries_, other.entries_);
    std::swap(wanted_, other.wanted_);
    return *this;
}

readiness_set::~readiness_set()
{
    if (handle_ != invalid_handle)
        ::close(handle_);
}

error_code readiness_set::open() noexcept
{
    handle_ = ::epoll_create1(EPOLL_CLOEXEC);
    return handle_ < 0 ? last_error() : error_code();
}

error_code readiness_set::watch(std::span<const readiness> targets) noexcept
{
    entry wanted[2];
    unsigned n = 0;
    for (const readiness& t : targets) {
        entry* e = std::find_if(wanted, wanted + n, [&](const entry& x) { return x.handle == t.handle(); });
        if (e == wanted + n)
            e = &wanted[n++];
        e->handle = t.handle();
        (t.for_write() ? e->write : e->read) = true;
    }
    wanted_ = n;
    return apply({wanted, n});
}

void readiness_set::unwatch() noexcept
{
    if (std::exchange(wanted_, 0u) != 0)
        (void)apply({});
}

error_code readiness_set::apply(std::span<const entry> wanted) noexcept
{
    for (entry& known : entries_) {
        if (known.handle != invalid_handle &&
            std::none_of(wanted.begin(), wanted.end(), [&](const entry& w) { return w.handle == known.handle; }))
            ::epoll_ctl(handle_, EPOLL_CTL_DEL, std::exchange(known, entry()).handle, nullptr);
    }
    for (const entry& w : wanted) {
        entry* known = std::find_if(std::begin(entries_), std::end(entries_),
                                    [&](const entry& e) { return e.handle == w.handle; });
        const bool add = known == std::end(entries_);
        if (add)
            known = std::find(std::begin(entries_), std::end(entries_), entry());
        if (*known == w)
            continue;
        epoll_event event{};
        event.events = (w.read ? EPOLLIN : 0u) | (w.write ? EPOLLOUT : 0u);
        if (::epoll_ctl(handle_, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w.handle, &event) != 0)
            return last_error();
        *known = w;
    }
    return {};
}

} // namespace ferrule::os
