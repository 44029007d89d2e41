#include "platform/net.hpp"
#include "platform/posix/unique_fd.hpp"

#include <boost/asio/error.hpp>

#include <csignal>
#include <memory>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

namespace ferrule::os {
namespace {

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

doorbell::doorbell() : handle_(posix::checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)).release()) {}

doorbell::~doorbell()
{
    ::close(handle_);
}

void doorbell::ring() noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(handle_, &one, sizeof one);
}

void start_thread(std::function<void()> f)
{
    const signals_blocked blocked;
    try {
        std::thread(std::move(f)).detach();
    } catch (const std::system_error& e) {
        throw_error({e.code().value(), boost::system::system_category()});
    }
}

std::vector<resolved_address> look_up(const address& a, bool only_numbers, error_code& ec)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = only_numbers ? AI_NUMERICHOST : 0;
    addrinfo* found = nullptr;
    const int e = ::getaddrinfo(a.name().c_str(), std::to_string(a.port()).c_str(), &hints, &found);
    switch (e) {
    case 0: break;
    case EAI_SYSTEM: ec = {errno, boost::system::system_category()}; return {};
    case EAI_MEMORY: ec = detail::no_memory(); return {};
    case EAI_AGAIN: ec = boost::asio::error::host_not_found_try_again; return {};
    default: ec = boost::asio::error::host_not_found; return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
    return addresses_of(a, found);
}

std::vector<resolved_address> resolve_at_once(const address& a)
{
    error_code ec;
    switch (a.kind()) {
    case address::family::tcp: return look_up(a, true, ec);
    case address::family::pipe: throw_error(errc::unsupported);
    default: return {unix_address<sockaddr_un>(a, AF_UNIX)};
    }
}

} // namespace ferrule::os
