#include <ferrule/process.hpp>

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ferrule {

child::child(int pid) : pid_(pid)
{
    // Where the kernel has no process descriptors (before 5.3) a bounded wait is not possible; see wait().
    handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
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

void child::kill() noexcept
{
    if (!ended_)
        ::kill(pid_, SIGKILL); // not reaped yet, so the number is still the child's
}

} // namespace ferrule
