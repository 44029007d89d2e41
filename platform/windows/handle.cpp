#include "platform/windows/handle.hpp"

#include <winternl.h>

namespace ferrule::windows {
namespace {

ULONG ask(HANDLE h, int what)
{
    IO_STATUS_BLOCK status{};
    ULONG answer = 0;
    if (::NtQueryInformationFile(h, &status, &answer, sizeof answer, static_cast<FILE_INFORMATION_CLASS>(what)) != 0)
        throw_error(errc::bad_descriptor);
    return answer;
}

} // namespace

ULONG access_of(HANDLE h)
{
    constexpr int access_information = 8; // FileAccessInformation
    return ask(h, access_information);
}

bool is_synchronous(HANDLE h)
{
    constexpr int mode_information = 16;          // FileModeInformation
    constexpr ULONG synchronous_io = 0x10 | 0x20; // FILE_SYNCHRONOUS_IO_ALERT, …_NONALERT
    return (ask(h, mode_information) & synchronous_io) != 0;
}

} // namespace ferrule::windows

namespace ferrule::os {

native_handle_type duplicate_handle(native_handle_type h, error_code& ec) noexcept
{
    ec = {};
    if (windows::is_socket(h)) { // DuplicateHandle does not serve sockets
        ec = errc::unsupported;
        return invalid_handle;
    }
    unique_handle copy = windows::copy_of(h);
    if (!copy.is_open())
        ec = windows::last_error();
    return copy.release();
}

void close_handle(native_handle_type h) noexcept
{
    ::CloseHandle(h);
}

} // namespace ferrule::os
