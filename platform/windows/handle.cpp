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
