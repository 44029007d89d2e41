#include "platform/windows/handle.hpp"

#include <ferrule/process.hpp>

namespace ferrule {

using namespace windows;

child::child(int pid) : pid_(pid)
{
    const HANDLE h = ::OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE, FALSE,
                                   static_cast<DWORD>(pid));
    if (h == nullptr)
        throw_error(last_error());
    handle_ = h;
}

child::~child()
{
    if (handle_ != invalid_handle)
        ::CloseHandle(handle_);
}

bool child::watch() noexcept
{
    return handle_ != invalid_handle;
}

bool child::reap(bool block) noexcept
{
    if (ended_)
        return true;
    if (::WaitForSingleObject(handle_, block ? INFINITE : 0) != WAIT_OBJECT_0)
        return false;
    ended_ = true;
    DWORD code = 0;
    if (::GetExitCodeProcess(handle_, &code) != 0)
        status_ = exit_status(static_cast<int>(code), 0);
    return true;
}

void child::kill() noexcept
{
    if (!ended_)
        ::TerminateProcess(handle_, 1);
}

} // namespace ferrule
