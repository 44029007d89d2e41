#include <ferrule/process.hpp>

#include "platform/os.hpp"

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <stop_token>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace ferrule {

child::child(int pid) : pid_(pid)
{
    // Where the kernel has no process descriptors (before 5.3) a bounded wait is not possible; see wait().
    handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

child::child(child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      handle_(std::exchange(other.handle_, invalid_handle)),
      ended_(std::exchange(other.ended_, true)),
      status_(other.status_)
{
}

child& child::operator=(child&& other) noexcept
{
    std::swap(pid_, other.pid_);
    std::swap(handle_, other.handle_);
    std::swap(ended_, other.ended_);
    std::swap(status_, other.status_);
    return *this;
}

child::~child()
{
    (void)reap(false);
    if (handle_ != invalid_handle)
        ::close(handle_);
}

bool child::reap(bool block) noexcept
{
    if (ended_)
        return true;
    int status;
    pid_t r;
    do
        r = ::waitpid(pid_, &status, block ? 0 : WNOHANG);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return false;
    ended_ = true; // also if somebody else has reaped it: then how it ended is not known
    if (r > 0)
        status_ = exit_status(WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return true;
}

exit_status child::wait(const until& limit)
{
    if (reap(false))
        return status_;
    if (handle_ == invalid_handle) {
        if (!limit.deadline().is_never() || limit.stop().stop_possible())
            throw_error(errc::unsupported);
        (void)reap(true);
        return status_;
    }
    os::wakeup& wakeup = os::wakeup::of_this_thread();
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    if (limit.stop().stop_possible())
        on_stop.emplace(limit.stop(), [&wakeup] { wakeup.signal(); });
    const readiness ended = readiness::readable(handle_);
    const os::wait_result r = os::wait({&ended, 1}, wakeup, limit.deadline());
    on_stop.reset();
    if (r == os::wait_result::woken || limit.stop().stop_requested())
        wakeup.clear(); // a signal that came too late to be seen would end a later wait
    if (reap(false))
        return status_;
    throw_error(r == os::wait_result::late ? errc::timed_out : errc::cancelled);
}

void child::kill() noexcept
{
    if (!ended_)
        ::kill(pid_, SIGKILL); // not reaped yet, so the number is still the child's
}

} // namespace ferrule
