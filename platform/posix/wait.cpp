#include "platform/per_thread.hpp"
#include "platform/posix/file_io.hpp"
#include "platform/reactor.hpp"
#include "platform/timeout.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <unordered_map>
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

namespace {
constexpr std::uint32_t for_reading = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t for_writing = EPOLLOUT;
} // namespace

// A descriptor that is registered with epoll, for all who wait for it. It is edge-triggered. So input for which nobody
// waits costs at most one wake-up.
struct readiness_set::entry {
    native_handle_type handle;
    member::use* uses = nullptr;
    std::uint32_t events = 0; // as registered
    bool urgent = false;      // has had urgent data, at which every read of a stream stops

    void add(member::use& u) noexcept
    {
        u.of = this;
        u.next = std::exchange(uses, &u);
    }
    void remove(member::use& u) noexcept
    {
        member::use** at = &uses;
        while (*at != &u)
            at = &(*at)->next;
        *at = u.next;
        u = {};
    }
    [[nodiscard]] std::uint32_t wanted() const noexcept
    {
        std::uint32_t all = EPOLLET;
        for (const member::use* u = uses; u != nullptr; u = u->next)
            all |= u->write ? for_writing : urgent ? for_reading : for_reading | EPOLLPRI;
        return all;
    }
};

struct readiness_set::state {
    explicit state(int epoll) noexcept : handle(epoll) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { ::close(handle); }

    /// Makes epoll report `d` if it is ready, even if that has been reported.
    [[nodiscard]] error_code update(entry& d) noexcept
    {
        epoll_event event{};
        event.events = d.wanted();
        event.data.ptr = &d;
        // A number that was closed while it was watched may be another file's now.
        if ((d.events == 0 || ::epoll_ctl(handle, EPOLL_CTL_MOD, d.handle, &event) != 0) &&
            ::epoll_ctl(handle, EPOLL_CTL_ADD, d.handle, &event) != 0)
            return last_error();
        d.events = event.events;
        return {};
    }
    void remove(member::use& u) noexcept
    {
        entry& d = *u.of;
        d.remove(u);
        if (d.uses != nullptr) {
            if (d.wanted() != d.events)
                (void)update(d);
            return;
        }
        ::epoll_ctl(handle, EPOLL_CTL_DEL, d.handle, nullptr);
        descriptors.erase(d.handle);
    }
    [[nodiscard]] error_code add(member& m, const readiness& t) noexcept
    {
        member::use& u = *std::ranges::find(m.uses_, nullptr, &member::use::of);
        try {
            entry& d = descriptors.try_emplace(t.handle(), entry{t.handle()}).first->second;
            u.by = &m;
            u.write = t.for_write();
            d.add(u);
        } catch (const std::bad_alloc&) {
            return detail::no_memory();
        }
        const error_code ec = update(*u.of);
        if (ec)
            remove(u);
        return ec;
    }

    const int handle;
    std::pmr::unsynchronized_pool_resource memory; // kept, since a sender that waits comes and goes
    std::pmr::unordered_map<native_handle_type, entry> descriptors{&memory};
};

readiness_set::readiness_set() noexcept = default;
readiness_set::readiness_set(readiness_set&& other) noexcept = default;
readiness_set& readiness_set::operator=(readiness_set&& other) noexcept = default;
readiness_set::~readiness_set() = default;

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

bool readiness_set::member::use::serves(const readiness& t) const noexcept
{
    return of != nullptr && of->handle == t.handle() && write == t.for_write();
}

bool readiness_set::member::is_watched_for(std::span<const readiness> targets) const noexcept
{
    const auto watched = std::ranges::count_if(uses_, [](const use& u) { return u.of != nullptr; });
    return static_cast<std::size_t>(watched) == targets.size() && std::ranges::all_of(targets, [&](const readiness& t) {
               return std::ranges::any_of(uses_, [&](const use& u) { return u.serves(t); });
           });
}

error_code readiness_set::watch(member& m, std::span<const readiness> targets, bool again) noexcept
{
    for (member::use& u : m.uses_)
        if (u.of != nullptr && std::ranges::none_of(targets, [&](const readiness& t) { return u.serves(t); }))
            state_->remove(u);
    for (const readiness& t : targets) {
        member::use* const known = std::ranges::find_if(m.uses_, [&](const member::use& u) { return u.serves(t); });
        error_code ec;
        if (known == std::end(m.uses_))
            ec = state_->add(m, t);
        else if (again)
            ec = state_->update(*known->of);
        if (ec)
            return ec;
    }
    return {};
}

void readiness_set::unwatch(member& m) noexcept
{
    for (member::use& u : m.uses_)
        if (u.of != nullptr)
            state_->remove(u);
}

void readiness_set::visit_ready(visitor& v) noexcept
{
    // What is not taken from epoll stays ready as long as its descriptor is.
    if (state_->descriptors.size() == 1) {
        const member::use* const only = state_->descriptors.begin()->second.uses;
        if (only->next == nullptr) {
            (void)v.found(*only->by, report::level);
            return;
        }
    }
    epoll_event events[64];
    const int n = ::epoll_wait(state_->handle, events, std::size(events), 0);
    for (int i = 0; i < n; ++i) {
        entry& d = *static_cast<entry*>(events[i].data.ptr);
        const std::uint32_t e = events[i].events;
        if ((e & EPOLLPRI) != 0) {
            d.urgent = true;
            (void)state_->update(d); // otherwise every wait would end with it
        }
        const report how = d.urgent || (e & (EPOLLHUP | EPOLLRDHUP)) != 0 ? report::last : report::edge;
        bool is_taken = true;
        for (const member::use* u = d.uses; u != nullptr; u = u->next)
            if ((e & ((u->write ? for_writing : for_reading | EPOLLPRI) | EPOLLHUP | EPOLLERR)) != 0)
                is_taken = v.found(*u->by, how) && is_taken;
        if (!is_taken)
            (void)state_->update(d);
    }
}

} // namespace ferrule::os
