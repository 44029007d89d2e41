#include <ferrule/platform/named_semaphore.hpp>

#include "platform/posix/last_error.hpp"

#include <ferrule/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <semaphore.h>
#include <utility>

namespace ferrule {
namespace {

sem_t* as_semaphore(void* p) noexcept
{
    return static_cast<sem_t*>(p);
}

} // namespace

named_semaphore::named_semaphore(const std::string& name)
{
    if (name.empty())
        return;
    semaphore_ = ::sem_open(name.c_str(), 0);
    if (semaphore_ == SEM_FAILED) {
        semaphore_ = nullptr;
        throw error(posix::last_error(), "ferrule: semaphore '" + name + "'");
    }
}

named_semaphore::named_semaphore(named_semaphore&& other) noexcept
    : semaphore_(std::exchange(other.semaphore_, nullptr))
{
}

named_semaphore& named_semaphore::operator=(named_semaphore&& other) noexcept
{
    std::swap(semaphore_, other.semaphore_);
    return *this;
}

named_semaphore::~named_semaphore()
{
    if (semaphore_ != nullptr)
        ::sem_close(as_semaphore(semaphore_));
}

void named_semaphore::acquire(const until& timeout)
{
    error_code ec;
    acquire(timeout, ec);
    if (ec)
        throw_error(ec);
}

void named_semaphore::acquire(const until& timeout, error_code& ec) noexcept
{
    using namespace std::chrono;
    ec = {};
    if (semaphore_ == nullptr)
        return;
    while (::sem_trywait(as_semaphore(semaphore_)) != 0) {
        if (timeout.stop().stop_requested())
            ec = errc::cancelled;
        else if (timeout.deadline().expired())
            ec = errc::timed_out;
        if (ec)
            return;
        const steady_clock::duration slice = timeout.stop().stop_possible() ? milliseconds(20) : hours(1);
        const auto end = std::min(timeout.deadline().at(), steady_clock::now() + slice).time_since_epoch();
        const timespec at{static_cast<std::time_t>(floor<seconds>(end).count()),
                          static_cast<long>(nanoseconds(end - floor<seconds>(end)).count())};
        if (::sem_clockwait(as_semaphore(semaphore_), CLOCK_MONOTONIC, &at) == 0)
            return;
        if (errno != ETIMEDOUT && errno != EINTR)
            return void(ec = posix::last_error());
    }
}

void named_semaphore::release() noexcept
{
    if (semaphore_ != nullptr)
        ::sem_post(as_semaphore(semaphore_));
}

} // namespace ferrule
