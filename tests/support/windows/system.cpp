#include "support/system.hpp"

#include "support/skip.hpp"
#include "windows/raw_pipe.hpp"

#include <winsock2.h>

#include <windows.h>

#include <system_error>

namespace ferrule::test {
namespace {

void must(bool fine)
{
    if (!fine)
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category());
}

} // namespace

void unique_fd::reset() noexcept
{
    if (handle_ != invalid_handle)
        ::CloseHandle(release());
}

std::pair<unique_fd, unique_fd> raw_stream_pair()
{
    const std::string name = fresh_pipe_name();
    std::pair<unique_fd, unique_fd> ends;
    ends.first = unique_fd(::CreateNamedPipeA(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                              PIPE_TYPE_BYTE | PIPE_READMODE_BYTE, 1, 4096, 4096, 0, nullptr));
    must(ends.first.get() != INVALID_HANDLE_VALUE);
    ends.second =
        unique_fd(::CreateFileA(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr));
    must(ends.second.get() != INVALID_HANDLE_VALUE);
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

void reset_when_closed(native_handle_type tcp_socket)
{
    if (is_wine())
        skip("Wine ends connections that were to be reset");
    const linger at_once{1, 0};
    must(::setsockopt(reinterpret_cast<SOCKET>(tcp_socket), SOL_SOCKET, SO_LINGER,
                      reinterpret_cast<const char*>(&at_once), sizeof at_once) == 0);
}

void fill(native_handle_type h)
{
    const std::string block(4096, 'x');
    OVERLAPPED writing{};
    writing.hEvent = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
    must(writing.hEvent != nullptr);
    const unique_fd closing(writing.hEvent);
    while (::WriteFile(h, block.data(), static_cast<DWORD>(block.size()), nullptr, &writing) != 0) {
    }
    must(::GetLastError() == ERROR_IO_PENDING);
    ::CancelIoEx(h, &writing);
    DWORD n = 0;
    ::GetOverlappedResult(h, &writing, &n, TRUE);
}

} // namespace ferrule::test
