// Helpers for Windows handles. Private.
#pragma once

#include "platform/unique_handle.hpp"

#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <winsock2.h>

#include <windows.h>

#include <utility>

namespace ferrule::windows {

inline error_code last_error() noexcept
{
    return {static_cast<int>(::GetLastError()), boost::system::system_category()};
}
inline error_code last_socket_error() noexcept
{
    return {::WSAGetLastError(), boost::system::system_category()};
}
inline error_code system_error(DWORD e) noexcept
{
    return {static_cast<int>(e), boost::system::system_category()};
}

/// Throws `error`.
inline bool is_inheritable(HANDLE h)
{
    DWORD flags = 0;
    if (::GetHandleInformation(h, &flags) == 0)
        throw_error(last_error());
    return (flags & HANDLE_FLAG_INHERIT) != 0;
}
inline error_code make_inheritable(HANDLE h, bool on) noexcept
{
    const DWORD flag = HANDLE_FLAG_INHERIT;
    return ::SetHandleInformation(h, flag, on ? flag : 0) != 0 ? error_code() : last_error();
}

/// Returns the handle's access rights, such as FILE_READ_DATA. Throws `usage_error`.
[[nodiscard]] ULONG access_of(HANDLE h);
/// Whether calls on the handle always block. Throws `usage_error`.
[[nodiscard]] bool is_synchronous(HANDLE h);

using os::unique_handle;

/// Returns another handle of the same object. On failure it is not open, and GetLastError has the reason.
[[nodiscard]] inline unique_handle copy_of(HANDLE h, bool inheritable = false) noexcept
{
    HANDLE copy = nullptr;
    ::DuplicateHandle(::GetCurrentProcess(), h, ::GetCurrentProcess(), &copy, 0, inheritable ? TRUE : FALSE,
                      DUPLICATE_SAME_ACCESS);
    return unique_handle(copy);
}

/// Makes a manual-reset event, not signalled. Throws `error`.
inline unique_handle make_event()
{
    unique_handle e(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!e.is_open())
        throw_error(last_error());
    return e;
}

/// Calls a function in a thread of the system's pool when a handle is signalled.
class pool_wait {
public:
    pool_wait() noexcept = default;
    pool_wait(pool_wait&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
    pool_wait& operator=(pool_wait&& other) noexcept
    {
        std::swap(wait_, other.wait_);
        return *this;
    }
    ~pool_wait() { stop(); }

    /// Calls `f` once, or at every signal. `f` must not block.
    [[nodiscard]] bool start(HANDLE h, WAITORTIMERCALLBACK f, void* argument, bool once) noexcept
    {
        return ::RegisterWaitForSingleObject(&wait_, h, f, argument, INFINITE,
                                             WT_EXECUTEINWAITTHREAD | (once ? WT_EXECUTEONLYONCE : 0)) != 0;
    }
    [[nodiscard]] bool is_started() const noexcept { return wait_ != nullptr; }
    /// Blocks while a call of the function is running.
    void stop() noexcept
    {
        if (wait_ != nullptr)
            ::UnregisterWaitEx(std::exchange(wait_, nullptr), INVALID_HANDLE_VALUE);
    }

private:
    HANDLE wait_ = nullptr;
};

/// The directions in which a handle is used, if it allows them.
struct uses {
    bool reads = true;
    bool writes = true;
};

// These throw `usage_error` for a handle that cannot be used.
[[nodiscard]] descriptor open_pipe(HANDLE h, bool owned, uses u);
/// With `addressed`, which is for UDP, packets are as `os::bind_datagrams` describes.
[[nodiscard]] descriptor open_socket(SOCKET s, bool owned, bool addressed = false);
/// Opens a socket from what WSADuplicateSocket has returned.
[[nodiscard]] descriptor open_duplicate(WSAPROTOCOL_INFOW& info);
[[nodiscard]] descriptor open_file(HANDLE h, bool owned);
[[nodiscard]] bool is_console(HANDLE h) noexcept;
[[nodiscard]] descriptor open_console(HANDLE h, bool owned);
/// Works as `ferrule::duplicate`.
[[nodiscard]] descriptor duplicate_for(uses u, HANDLE h);
[[nodiscard]] bool is_socket(HANDLE h) noexcept;
/// Starts Winsock at the first call in the process. Throws `error`.
void start_sockets();

} // namespace ferrule::windows
