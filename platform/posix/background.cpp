#include "platform/background.hpp"

#include "platform/posix/last_error.hpp"

#include <csignal>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace ferrule::os {
namespace {

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

void doorbell::silence() noexcept
{
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto n = ::read(handle_, &rings, sizeof rings);
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

} // namespace ferrule::os
