#include "support/windows/raw_pipe.hpp"

#include <windows.h>

#include <atomic>
#include <chrono>
#include <system_error>
#include <utility>

namespace ferrule::test {
namespace {

constexpr DWORD buffer = 8192;

[[noreturn]] void fail(DWORD e)
{
    throw std::system_error(static_cast<int>(e), std::system_category());
}

/// One call that goes on after it has returned, to its end. Returns its error.
template <class Call>
DWORD finish(HANDLE h, HANDLE event, DWORD& moved, Call call)
{
    OVERLAPPED o{};
    o.hEvent = event;
    DWORD e = call(&o) ? ERROR_SUCCESS : ::GetLastError();
    if (e != ERROR_SUCCESS && e != ERROR_IO_PENDING && e != ERROR_MORE_DATA)
        return e;
    e = ::GetOverlappedResult(h, &o, &moved, TRUE) ? ERROR_SUCCESS : ::GetLastError();
    return e;
}

} // namespace

raw_pipe::raw_pipe(void* handle) : handle_(handle), event_(::CreateEventW(nullptr, TRUE, FALSE, nullptr))
{
    if (handle == INVALID_HANDLE_VALUE)
        fail(::GetLastError());
}

raw_pipe::raw_pipe(raw_pipe&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      event_(std::exchange(other.event_, nullptr))
{
}

raw_pipe::~raw_pipe()
{
    if (handle_ == nullptr)
        return;
    ::CloseHandle(handle_);
    ::CloseHandle(event_);
}

raw_pipe raw_pipe::listen(const std::string& name)
{
    return raw_pipe(::CreateNamedPipeA(
        name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, PIPE_UNLIMITED_INSTANCES, buffer, buffer, 0xffffffff, nullptr));
}

raw_pipe raw_pipe::connect(const std::string& name)
{
    for (;;) {
        ::WaitNamedPipeA(name.c_str(), 1000);
        const HANDLE h = ::CreateFileA(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                                       FILE_FLAG_OVERLAPPED, nullptr);
        if (h == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_PIPE_BUSY)
            continue;
        raw_pipe p(h);
        DWORD mode = PIPE_READMODE_MESSAGE;
        if (!::SetNamedPipeHandleState(h, &mode, nullptr, nullptr))
            fail(::GetLastError());
        return p;
    }
}

void raw_pipe::accept()
{
    DWORD none = 0;
    const DWORD e = finish(handle_, event_, none, [&](OVERLAPPED* o) { return ::ConnectNamedPipe(handle_, o); });
    if (e != ERROR_SUCCESS && e != ERROR_PIPE_CONNECTED && e != ERROR_NO_DATA)
        fail(e);
}

void raw_pipe::send(const std::string& message)
{
    DWORD sent = 0;
    const DWORD e = finish(handle_, event_, sent, [&](OVERLAPPED* o) {
        return ::WriteFile(handle_, message.data(), static_cast<DWORD>(message.size()), nullptr, o);
    });
    if (e != ERROR_SUCCESS || sent != message.size())
        fail(e);
}

std::string raw_pipe::recv()
{
    std::string message;
    for (DWORD left = 128;;) {
        std::string part(left, '\0');
        DWORD n = 0;
        const DWORD e = finish(handle_, event_, n, [&](OVERLAPPED* o) {
            return ::ReadFile(handle_, part.data(), static_cast<DWORD>(part.size()), nullptr, o);
        });
        message.append(part, 0, n);
        if (e == ERROR_SUCCESS)
            return message;
        if (e != ERROR_MORE_DATA || !::PeekNamedPipe(handle_, nullptr, 0, nullptr, nullptr, &left))
            fail(e);
    }
}

std::string fresh_pipe_name()
{
    static std::atomic<int> count{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return R"(\\.\pipe\ferrule-test-)" + std::to_string(::GetCurrentProcessId()) + "-" + std::to_string(now) + "-" +
           std::to_string(++count);
}

std::string this_program()
{
    char own[MAX_PATH];
    return std::string(own, ::GetModuleFileNameA(nullptr, own, MAX_PATH));
}

bool is_wine()
{
    return ::GetProcAddress(::GetModuleHandleA("ntdll.dll"), "wine_get_version") != nullptr;
}

} // namespace ferrule::test
