#include "platform/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ferrule::os {

native_handle_type open_process(int pid)
{
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); // since Linux 5.3
}

std::optional<process_end> reap(const native_process& p, bool block) noexcept
{
    // Uses the descriptor if possible. Other code may have reaped the child, and its number may be another child's now.
    const int options = WEXITED | (block ? 0 : WNOHANG);
    siginfo_t info{};
    int r;
    do {
        r = p.handle != invalid_handle ? ::waitid(P_PIDFD, static_cast<id_t>(p.handle), &info, options) : -1;
        if (p.handle == invalid_handle || (r < 0 && errno == EINVAL)) // before Linux 5.4
            r = ::waitid(P_PID, static_cast<id_t>(p.pid), &info, options);
    } while (r < 0 && errno == EINTR);
    if (r == 0 && info.si_pid == 0)
        return std::nullopt;
    if (r != 0) // other code has reaped it
        return process_end();
    return info.si_code == CLD_EXITED ? process_end{info.si_status, 0} : process_end{-1, info.si_status};
}

void kill(const native_process& p) noexcept
{
    if (p.handle != invalid_handle)
        ::syscall(SYS_pidfd_send_signal, p.handle, SIGKILL, nullptr, 0);
    else
        ::kill(p.pid, SIGKILL); // this was still our child a moment ago
}

void unset_variable(const char* name) noexcept
{
    ::unsetenv(name);
}

} // namespace ferrule::os
