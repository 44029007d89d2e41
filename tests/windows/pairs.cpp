#include "windows/pairs.hpp"

#include <winsock2.h>

#include <windows.h>
#include <ws2tcpip.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ferrule::test {
namespace {

HANDLE must(HANDLE h)
{
    if (h == INVALID_HANDLE_VALUE)
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category());
    return h;
}

void must(bool fine)
{
    if (!fine)
        throw std::system_error(::WSAGetLastError(), std::system_category());
}

} // namespace

ends named_pipe_pair(transfer_kind kind)
{
    static std::atomic<int> count{0};
    const std::string name =
        "\\\\.\\pipe\\ferrule-test-" + std::to_string(::GetCurrentProcessId()) + "-" + std::to_string(++count);
    const DWORD mode = kind == transfer_kind::message ? PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE
                                                      : PIPE_TYPE_BYTE | PIPE_READMODE_BYTE;
    const HANDLE server =
        must(::CreateNamedPipeA(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                mode, 1, 4096, 4096, 0, nullptr));
    const HANDLE client = must(::CreateFileA(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                                             FILE_FLAG_OVERLAPPED, nullptr));
    descriptor first = adopt(server);
    return {std::move(first), adopt(client)};
}

ends udp_pair()
{
    [[maybe_unused]] static const int started = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
    SOCKET sockets[2];
    sockaddr_in names[2]{};
    for (int i = 0; i < 2; ++i) {
        sockets[i] = ::socket(AF_INET, SOCK_DGRAM, 0);
        must(sockets[i] != INVALID_SOCKET);
        names[i].sin_family = AF_INET;
        names[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int size = sizeof names[i];
        must(::bind(sockets[i], reinterpret_cast<sockaddr*>(&names[i]), size) == 0);
        must(::getsockname(sockets[i], reinterpret_cast<sockaddr*>(&names[i]), &size) == 0);
    }
    for (int i = 0; i < 2; ++i)
        must(::connect(sockets[i], reinterpret_cast<sockaddr*>(&names[1 - i]), sizeof names[0]) == 0);
    descriptor first = adopt(reinterpret_cast<HANDLE>(sockets[0]));
    return {std::move(first), adopt(reinterpret_cast<HANDLE>(sockets[1]))};
}

} // namespace ferrule::test
