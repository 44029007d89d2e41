#include "support/windows/pairs.hpp"

#include "support/windows/must.hpp"
#include "support/windows/raw_pipe.hpp"

#include <ws2tcpip.h>

#include <string>

namespace ferrule::test {
namespace {

void start_sockets()
{
    [[maybe_unused]] static const int started = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
}

void set(SOCKET s, int level, int option, int value)
{
    must(::setsockopt(s, level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0);
}

SOCKET new_socket(int type)
{
    const SOCKET s = ::socket(AF_INET, type, 0);
    must(s != INVALID_SOCKET);
    if (type == SOCK_STREAM) {
        set(s, SOL_SOCKET, SO_SNDBUF, 16 * 1024);
        set(s, SOL_SOCKET, SO_RCVBUF, 16 * 1024);
    }
    return s;
}

// Of the loopback interface, a free port.
sockaddr_in bound(SOCKET s)
{
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = sizeof name;
    must(::bind(s, reinterpret_cast<sockaddr*>(&name), size) == 0);
    must(::getsockname(s, reinterpret_cast<sockaddr*>(&name), &size) == 0);
    return name;
}

} // namespace

ends named_pipe_pair(transfer_kind kind)
{
    const std::string name = fresh_pipe_name();
    const DWORD mode = kind == transfer_kind::message ? PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE
                                                      : PIPE_TYPE_BYTE | PIPE_READMODE_BYTE;
    const HANDLE server =
        must(::CreateNamedPipeA(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                mode, 1, pipe_room, pipe_room, 0, nullptr));
    const HANDLE client = must(::CreateFileA(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                                             FILE_FLAG_OVERLAPPED, nullptr));
    descriptor first = adopt(server);
    return {std::move(first), adopt(client)};
}

ends anonymous_pipe()
{
    HANDLE reading;
    HANDLE writing;
    must(::CreatePipe(&reading, &writing, nullptr, pipe_room) != 0);
    descriptor first = adopt(writing);
    return {std::move(first), adopt(reading)};
}

ends tcp_pair()
{
    start_sockets();
    const SOCKET listening = new_socket(SOCK_STREAM);
    sockaddr_in name = bound(listening);
    must(::listen(listening, 1) == 0);
    const SOCKET first = new_socket(SOCK_STREAM);
    must(::connect(first, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    const SOCKET second = ::accept(listening, nullptr, nullptr);
    must(second != INVALID_SOCKET);
    must(::closesocket(listening) == 0);
    for (const SOCKET s : {first, second})
        set(s, IPPROTO_TCP, TCP_NODELAY, 1);
    descriptor d = adopt(reinterpret_cast<HANDLE>(first));
    return {std::move(d), adopt(reinterpret_cast<HANDLE>(second))};
}

ends udp_pair()
{
    start_sockets();
    SOCKET sockets[2];
    sockaddr_in names[2];
    for (int i = 0; i < 2; ++i) {
        sockets[i] = new_socket(SOCK_DGRAM);
        names[i] = bound(sockets[i]);
    }
    for (int i = 0; i < 2; ++i)
        must(::connect(sockets[i], reinterpret_cast<sockaddr*>(&names[1 - i]), sizeof names[0]) == 0);
    descriptor first = adopt(reinterpret_cast<HANDLE>(sockets[0]));
    return {std::move(first), adopt(reinterpret_cast<HANDLE>(sockets[1]))};
}

} // namespace ferrule::test
