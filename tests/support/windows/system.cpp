#include "support/system.hpp"

#include "support/skip.hpp"
#include "support/windows/must.hpp"
#include "support/windows/raw_pipe.hpp"

#include <cstdint>

namespace ferrule::test {

std::pair<unique_fd, unique_fd> raw_stream_pair()
{
    const std::string name = fresh_pipe_name();
    std::pair<unique_fd, unique_fd> ends;
    ends.first = unique_fd(must(::CreateNamedPipeA(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                                   PIPE_TYPE_BYTE | PIPE_READMODE_BYTE, 1, 4096, 4096, 0, nullptr)));
    ends.second = unique_fd(
        must(::CreateFileA(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr)));
    return ends;
}

void write_all(native_handle_type h, const std::string& data)
{
    DWORD n = 0;
    must(::WriteFile(h, data.data(), static_cast<DWORD>(data.size()), &n, nullptr) != 0 && n == data.size());
}

std::string read_n(native_handle_type h, std::size_t n)
{
    std::string data(n, '\0');
    std::size_t done = 0;
    for (DWORD r = 0; done < n; done += r)
        if (::ReadFile(h, data.data() + done, static_cast<DWORD>(n - done), &r, nullptr) == 0) {
            must(::GetLastError() == ERROR_BROKEN_PIPE);
            break;
        }
    data.resize(done);
    return data;
}

std::size_t open_handles()
{
    DWORD n = 0;
    if (::GetProcessHandleCount(::GetCurrentProcess(), &n) && n != 0)
        return n;
    // Wine does not count them, but gives the lowest number that is free.
    const HANDLE next = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
    ::CloseHandle(next);
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(next) / 4);
}

void reset_when_closed(native_handle_type tcp_socket)
{
    if (is_wine())
        skip("Wine ends connections that were to be reset");
    const linger at_once{1, 0};
    must(::setsockopt(reinterpret_cast<SOCKET>(tcp_socket), SOL_SOCKET, SO_LINGER,
                      reinterpret_cast<const char*>(&at_once), sizeof at_once) == 0);
}

std::size_t fill(native_handle_type h)
{
    const std::string block(4096, 'x');
    OVERLAPPED writing{};
    const unique_fd event(must(::CreateEventW(nullptr, TRUE, FALSE, nullptr)));
    writing.hEvent = event.get();
    std::size_t total = 0;
    while (::WriteFile(h, block.data(), static_cast<DWORD>(block.size()), nullptr, &writing) != 0)
        total += block.size();
    must(::GetLastError() == ERROR_IO_PENDING);
    ::CancelIoEx(h, &writing);
    DWORD n = 0;
    ::GetOverlappedResult(h, &writing, &n, TRUE);
    return total + n;
}

} // namespace ferrule::test
