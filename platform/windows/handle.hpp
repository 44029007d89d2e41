// What every file here needs of Windows. Private.
#pragma once

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

/// What the handle may be used for: FILE_READ_DATA … Throws `usage_error`.
[[nodiscard]] ULONG access_of(HANDLE h);
/// Whether calls wait, whatever the caller wants. Throws `usage_error`.
[[nodiscard]] bool is_synchronous(HANDLE h);

/// Owns a handle. Move-only.
class unique_handle {
public:
    unique_handle() noexcept = default;
    explicit unique_handle(HANDLE h) noexcept : handle_(h == INVALID_HANDLE_VALUE ? nullptr : h) {}
    unique_handle(unique_handle&& other) noexcept : handle_(other.release()) {}
    unique_handle& operator=(unique_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~unique_handle()
    {
        if (handle_ != nullptr)
            ::CloseHandle(handle_);
    }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] HANDLE get() const noexcept { return handle_; }
    [[nodiscard]] HANDLE release() noexcept { return std::exchange(handle_, nullptr); }
    /// Gives it away. Throws what `ferrule::adopt` does, and keeps it then.
    [[nodiscard]] descriptor adopt()
    {
        descriptor d = ferrule::detail::own(handle_);
        (void)release();
        return d;
    }

private:
    HANDLE handle_ = nullptr;
};

/// Another handle of the same thing; not open if that fails, and GetLastError says why.
[[nodiscard]] inline unique_handle copy_of(HANDLE h, bool inheritable = false) noexcept
{
    HANDLE copy = nullptr;
    ::DuplicateHandle(::GetCurrentProcess(), h, ::GetCurrentProcess(), &copy, 0, inheritable ? TRUE : FALSE,
                      DUPLICATE_SAME_ACCESS);
    return unique_handle(copy);
}

/// A manual-reset event, not signalled. Throws `error`.
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

    /// Once, or each time. `f` must not wait.
    [[nodiscard]] bool start(HANDLE h, WAITORTIMERCALLBACK f, void* argument, bool once) noexcept
    {
        return ::RegisterWaitForSingleObject(&wait_, h, f, argument, INFINITE,
                                             WT_EXECUTEINWAITTHREAD | (once ? WT_EXECUTEONLYONCE : 0)) != 0;
    }
    [[nodiscard]] bool is_started() const noexcept { return wait_ != nullptr; }
    /// Waits for a call that is under way.
    void stop() noexcept
    {
        if (wait_ != nullptr)
            ::UnregisterWaitEx(std::exchange(wait_, nullptr), INVALID_HANDLE_VALUE);
    }

private:
    HANDLE wait_ = nullptr;
};

/// What a handle is for, of what it allows.
struct uses {
    bool reads = true;
    bool writes = true;
};

// Throw `usage_error` for what cannot be used.
[[nodiscard]] descriptor open_pipe(HANDLE h, bool owned, uses u);
[[nodiscard]] descriptor open_socket(SOCKET s, bool owned);
/// Of a socket that WSADuplicateSocket has told of.
[[nodiscard]] descriptor open_duplicate(WSAPROTOCOL_INFOW& info);
[[nodiscard]] descriptor open_file(HANDLE h, bool owned);
[[nodiscard]] bool is_console(HANDLE h) noexcept;
[[nodiscard]] descriptor open_console(HANDLE h, bool owned);
/// As `ferrule::duplicate`.
[[nodiscard]] descriptor duplicate_for(uses u, HANDLE h);
[[nodiscard]] bool is_socket(HANDLE h) noexcept;
/// The first call does so, for the process. Throws `error`.
void start_sockets();

} // namespace ferrule::windows
