// What a call of Windows says, as exceptions.
#pragma once

#include <winsock2.h>

#include <windows.h>

#include <system_error>

namespace ferrule::test {

inline void must(bool fine)
{
    if (!fine)
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category());
}

inline HANDLE must(HANDLE h)
{
    must(h != INVALID_HANDLE_VALUE && h != nullptr);
    return h;
}

} // namespace ferrule::test
