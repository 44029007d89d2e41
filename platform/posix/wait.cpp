#include "platform/os.hpp"
#include "platform/per_thread.hpp"
#include "platform/posix/file_io.hpp"
#include "platform/timeout.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace ferrule::os {

using posix::last_error;

wakeup& wakeup::of_this_thread()
{
    struct own {
        wakeup w;
    };
    wakeup& mine = per_thread<own>().w;
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
    std::size_t n = 1;
    for (const readiness& t : targets) {
        if (t.is_now())
            return wait_result::ready;
        fds[n++] = {t.handle(), static_cast<short>(t.for_write() ? POLLOUT : POLLIN), 0};
    }
    for (;;) {
        const int r = posix::poll({fds, n}, milliseconds_until(d));
        if (r < 0 && errno != EINTR) { // no memory or a closed descriptor, and the next attempt decides
            ::poll(nullptr, 0, 1);
            return wait_result::ready;
        }
        if (r > 0)
            return fds[0].revents != 0 ? wait_result::woken : wait_result::ready;
        if (d.expired())
            return wait_result::late;
    }
}

struct readiness_set::state {
    struct entry {
        native_handle_type handle = invalid_handle;
        bool read = false;
        bool write = false;
        friend bool operator==(const entry&, const entry&) = default;
    };

    explicit state(int epoll) noexcept : handle(epoll) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { ::close(handle); }

    [[nodiscard]] error_code apply(std::span<const entry> wanted_entries) noexcept
    {
        for (entry& known : entries) {
            if (known.handle != invalid_handle &&
                std::none_of(wanted_entries.begin(), wanted_entries.end(),
                             [&](const entry& w) { return w.handle == known.handle; }))
                ::epoll_ctl(handle, EPOLL_CTL_DEL, std::exchange(known, entry()).handle, nullptr);
        }
        for (const entry& w : wanted_entries) {
            entry* known = std::find_if(std::begin(entries), std::end(entries),
                                        [&](const entry& e) { return e.handle == w.handle; });
            const bool add = known == std::end(entries);
            if (add)
                known = std::find(std::begin(entries), std::end(entries), entry());
            if (*known == w)
                continue;
            epoll_event event{};
            event.events = (w.read ? EPOLLIN : 0u) | (w.write ? EPOLLOUT : 0u);
            if (::epoll_ctl(handle, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w.handle, &event) != 0)
                return last_error();
            *known = w;
        }
        return {};
    }

    const int handle;
    entry entries[2];    // registered with epoll
    unsigned wanted = 0; // how many of them have an interest
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
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return last_error();
    state_.reset(new (std::nothrow) state(epoll));
    if (state_)
        return {};
    ::close(epoll);
    return detail::no_memory();
}

native_handle_type readiness_set::handle() const noexcept
{
    return state_->handle;
}

error_code readiness_set::watch(std::span<const readiness> targets) noexcept
{
    using entry = state::entry;
    entry wanted[2];
    unsigned n = 0;
    for (const readiness& t : targets) {
        entry* e = std::find_if(wanted, wanted + n, [&](const entry& x) { return x.handle == t.handle(); });
        if (e == wanted + n)
            e = &wanted[n++];
        e->handle = t.handle();
        (t.for_write() ? e->write : e->read) = true;
    }
    state_->wanted = n;
    return state_->apply({wanted, n});
}

void readiness_set::unwatch() noexcept
{
    if (state_ && std::exchange(state_->wanted, 0u) != 0)
        (void)state_->apply({});
}

} // namespace ferrule::os
