#include "platform/net.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace ferrule::os {
namespace {

resolved_address unix_address(const address& a)
{
    const bool is_abstract = a.kind() == address::family::unix_abstract;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const std::string path = is_abstract ? std::string(1, '\0') + a.name() : a.name();
    // A path ends with a NUL; an abstract name ends where the address does.
    if (path.size() + (is_abstract ? 0 : 1) > sizeof un.sun_path || a.name().empty() ||
        (!is_abstract && path.find('\0') != path.npos))
        throw error(errc::invalid_argument, "unix socket '" + a.name() + "'");
    std::memcpy(un.sun_path, path.data(), path.size());
    const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1);
    const auto* const begin = reinterpret_cast<const std::byte*>(&un);
    return {std::vector<std::byte>(begin, begin + size)};
}

std::vector<resolved_address> look_up(const address& a, int flags, error_code& ec)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const int e = ::getaddrinfo(a.name().c_str(), std::to_string(a.port()).c_str(), &hints, &found);
    switch (e) {
    case 0: break;
    case EAI_SYSTEM: ec = {errno, boost::system::system_category()}; return {};
    case EAI_AGAIN: ec = boost::asio::error::host_not_found_try_again; return {};
    default: ec = boost::asio::error::host_not_found; return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
    std::vector<resolved_address> all;
    for (const addrinfo* i = found; i != nullptr; i = i->ai_next) {
        const auto* const begin = reinterpret_cast<const std::byte*>(i->ai_addr);
        all.push_back({std::vector<std::byte>(begin, begin + i->ai_addrlen)});
    }
    return all;
}

/// New threads get no signals: they are for those of the program.
class signals_blocked {
public:
    signals_blocked() noexcept
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

} // namespace

class lookup::state {
public:
    state() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        if (!event_.is_open())
            throw_error({errno, boost::system::system_category()});
    }

    void run(const address& a) noexcept
    {
        error_code ec;
        std::vector<resolved_address> found;
        try {
            found = look_up(a, 0, ec);
        } catch (const std::bad_alloc&) {
            ec = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
        }
        const std::lock_guard guard(mutex_);
        found_ = std::move(found);
        error_ = ec;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
    }
    [[nodiscard]] std::vector<resolved_address> take(error_code& ec)
    {
        const std::lock_guard guard(mutex_);
        ec = error_;
        return std::move(found_);
    }
    [[nodiscard]] native_handle_type handle() const noexcept { return event_.get(); }

private:
    socket_handle event_;
    std::mutex mutex_;
    std::vector<resolved_address> found_;
    error_code error_;
};

std::vector<resolved_address> resolve_at_once(const address& a)
{
    if (a.kind() != address::family::tcp)
        return {unix_address(a)};
    error_code ec;
    return look_up(a, AI_NUMERICHOST, ec);
}

std::vector<resolved_address> resolve(const address& a)
{
    std::vector<resolved_address> all = resolve_at_once(a);
    error_code ec;
    if (all.empty())
        all = look_up(a, 0, ec);
    if (ec)
        throw error(ec, "ferrule: host '" + a.name() + "'");
    return all;
}

lookup::lookup(const address& a) : state_(std::make_shared<state>())
{
    const signals_blocked blocked;
    try {
        // Nobody waits for it: the system cannot be asked to give up.
        std::thread([s = state_, a] { s->run(a); }).detach();
    } catch (const std::system_error& e) {
        throw_error({e.code().value(), boost::system::system_category()});
    }
}

native_handle_type lookup::handle() const noexcept
{
    return state_->handle();
}

std::vector<resolved_address> lookup::take(error_code& ec)
{
    return state_->take(ec);
}

} // namespace ferrule::os
