#include <ferrule/platform/pair.hpp>

#include "platform/windows/handle.hpp"

#include <array>
#include <memory>
#include <string>
#include <ws2tcpip.h>

#include <bcrypt.h>
#include <sddl.h>

namespace ferrule {

using namespace windows;

namespace {

/// 128 bits that nobody can guess.
std::string fresh_name()
{
    std::array<unsigned char, 16> random;
    if (::BCryptGenRandom(nullptr, random.data(), random.size(), BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
        throw_error(system_error(ERROR_GEN_FAILURE));
    std::string name = "\\\\.\\pipe\\ferrule-";
    for (const unsigned char c : random) {
        name += "0123456789abcdef"[c >> 4];
        name += "0123456789abcdef"[c & 15];
    }
    return name;
}

class unique_socket {
public:
    explicit unique_socket(SOCKET s) : socket_(s)
    {
        if (s == INVALID_SOCKET)
            throw_error(last_socket_error());
    }
    unique_socket(const unique_socket&) = delete;
    unique_socket& operator=(const unique_socket&) = delete;
    ~unique_socket()
    {
        if (socket_ != INVALID_SOCKET)
            ::closesocket(socket_);
    }
    [[nodiscard]] SOCKET get() const noexcept { return socket_; }
    [[nodiscard]] descriptor adopt()
    {
        descriptor d = ferrule::adopt(reinterpret_cast<HANDLE>(socket_));
        socket_ = INVALID_SOCKET;
        return d;
    }

private:
    SOCKET socket_;
};

SOCKET new_tcp() noexcept
{
    return ::WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                        WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

void check(int result)
{
    if (result != 0)
        throw_error(last_socket_error());
}

sockaddr_in name_of(SOCKET s, decltype(::getsockname) ask)
{
    sockaddr_in a{};
    int size = sizeof a;
    check(ask(s, reinterpret_cast<sockaddr*>(&a), &size));
    return a;
}

} // namespace

std::pair<descriptor, descriptor> pipe_descriptors(ordinary_end o)
{
    constexpr DWORD room = 256 * 1024;
    // This user, the system and administrators; the name is gone as soon as the one other end is open.
    PSECURITY_DESCRIPTOR access = nullptr;
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorA("D:P(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)",
                                                               SDDL_REVISION_1, &access, nullptr) == 0)
        throw_error(last_error());
    const std::unique_ptr<void, HLOCAL(WINAPI*)(HLOCAL)> owner(access, &::LocalFree);
    SECURITY_ATTRIBUTES attributes{sizeof attributes, access, FALSE};
    const std::string name = fresh_name();
    const auto overlapped = [o](ordinary_end e) -> DWORD { return o == e ? 0 : FILE_FLAG_OVERLAPPED; };
    unique_handle reading(::CreateNamedPipeA(
        name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE | overlapped(ordinary_end::reading),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, room, 0, &attributes));
    if (!reading.is_open())
        throw_error(last_error());
    unique_handle writing(::CreateFileA(name.c_str(), GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, nullptr, OPEN_EXISTING,
                                        overlapped(ordinary_end::writing) | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS,
                                        nullptr));
    if (!writing.is_open())
        throw_error(last_error());
    descriptor r = adopt(reading.get());
    (void)reading.release();
    descriptor w = adopt(writing.get());
    (void)writing.release();
    return {std::move(r), std::move(w)};
}

// Two TCP sockets of the loopback interface: not every Windows has unix sockets, and none has socketpair.
std::pair<descriptor, descriptor> socketpair_descriptors()
{
    start_sockets();
    const unique_socket listening(new_tcp());
    const BOOL on = TRUE;
    check(
        ::setsockopt(listening.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, reinterpret_cast<const char*>(&on), sizeof on));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any));
    check(::listen(listening.get(), 1));
    const sockaddr_in at = name_of(listening.get(), &::getsockname);
    unique_socket first(new_tcp());
    check(::connect(first.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
    const sockaddr_in own = name_of(first.get(), &::getsockname);
    for (;;) {
        unique_socket second(::accept(listening.get(), nullptr, nullptr));
        const sockaddr_in peer = name_of(second.get(), &::getpeername);
        if (peer.sin_port != own.sin_port || peer.sin_addr.s_addr != own.sin_addr.s_addr)
            continue; // somebody else was faster
        for (const SOCKET s : {first.get(), second.get()})
            check(::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on));
        descriptor a = first.adopt();
        return {std::move(a), second.adopt()};
    }
}

} // namespace ferrule
