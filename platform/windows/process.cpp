#include "platform/process.hpp"
#include "platform/windows/handle.hpp"

namespace ferrule::os {

native_handle_type open_process(int pid)
{
    unique_handle h(::OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE, FALSE,
                                  static_cast<DWORD>(pid)));
    if (!h.is_open())
        throw_error(windows::last_error());
    return h.release();
}

std::optional<process_end> reap(const native_process& p, bool block) noexcept
{
    if (::WaitForSingleObject(p.handle, block ? INFINITE : 0) != WAIT_OBJECT_0)
        return std::nullopt;
    DWORD code = 0;
    return ::GetExitCodeProcess(p.handle, &code) != 0 ? process_end{static_cast<int>(code), 0} : process_end();
}

void kill(const native_process& p) noexcept
{
    ::TerminateProcess(p.handle, 1);
}

void unset_variable(const char* name) noexcept
{
    ::_putenv_s(name, "");
}

} // namespace ferrule::os
