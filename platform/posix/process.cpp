#include <ferrule/process.hpp>

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ferrule {

child::child(int pid) : pid_(pid)
{
    (void)watch();
}

child::~child()
{
    (void)reap(false);
    if (handle_ != invalid_handle)
        ::close(handle_);
}

bool child::watch() noexcept
{
    if (handle_ == invalid_handle && !ended_)
        handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)); // Linux 5.3
    return handle_ != invalid_handle;
}

bool child::reap(bool block) noexcept
{
    if (ended_)
        return true;
    // By its descriptor, since somebody else may have reaped it, and its number may be that of another child by now.
    const int options = WEXITED | (block ? 0 : WNOHANG);
    siginfo_t info{};
    int r;
    do {
        r = handle_ != invalid_handle ? ::waitid(P_PIDFD, static_cast<id_t>(handle_), &info, options) : -1;
        if (handle_ == invalid_handle || (r < 0 && errno == EINVAL)) // before Linux 5.4
            r = ::waitid(P_PID, static_cast<id_t>(pid_), &info, options);
    } while (r < 0 && errno == EINTR);
    if (r == 0 && info.si_pid == 0)
        return false;
    ended_ = true; // also if somebody else has reaped it: then how it ended is not known
    if (r == 0)
        status_ = info.si_code == CLD_EXITED ? exit_status(info.si_status, 0) : exit_status(-1, info.si_status);
    return true;
}

void child::kill() noexcept
{
    // Reaped by ourselves, or by somebody else: then the number may be anybody's.
    if (reap(false))
        return;
    if (watch())
        ::syscall(SYS_pidfd_send_signal, handle_, SIGKILL, nullptr, 0);
    else
        ::kill(pid_, SIGKILL); // still our child a moment ago
}

} // namespace ferrule
