#include <ferrule/platform/descriptor_pair.hpp>

#include "platform/windows/net.hpp"

#include <array>
#include <optional>
#include <ws2tcpip.h>

namespace ferrule {

using namespace windows;

namespace {

sockaddr_in name_of(SOCKET s, decltype(::getsockname) ask)
{
    sockaddr_in a{};
    int size = sizeof a;
    check(ask(s, reinterpret_cast<sockaddr*>(&a), &size));
    return a;
}

} // namespace

std::pair<descriptor, descriptor> pipe_descriptors(synchronous_end o)
{
    constexpr DWORD room = 256 * 1024;
    const std::wstring name = wide(fresh_pipe_name()); // unusable once the other end is open
    const auto overlapped = [o](synchronous_end e) -> DWORD { return o == e ? 0 : FILE_FLAG_OVERLAPPED; };
    unique_handle reading = make_pipe_instance(
        name, PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE | overlapped(synchronous_end::reading),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE, 1, 0, room);
    unique_handle writing(
        ::CreateFileW(name.c_str(), GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, nullptr, OPEN_EXISTING,
                      overlapped(synchronous_end::writing) | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, nullptr));
    if (!writing.is_open())
        throw_error(last_error());
    descriptor r = reading.adopt();
    return {std::move(r), writing.adopt()};
}

namespace {

using descriptor_pair = std::pair<descriptor, descriptor>;

/// Returns nothing on a Windows without unix sockets.
std::optional<descriptor_pair> unix_pair()
{
    std::array<wchar_t, MAX_PATH + 1> folder;
    if (::GetTempPathW(static_cast<DWORD>(folder.size()), folder.data()) == 0)
        return std::nullopt;
    try {
        const os::native_address at = os::unix_address(narrow(folder.data()) + fresh_name());
        os::listening_settings one;
        one.backlog = 1;
        const auto listening = os::listen_at(at, one);
        const auto connecting = os::start_connect(at);
        error_code ec;
        std::optional<descriptor> first = connecting->result(ec);
        std::optional<descriptor> second = listening->accept(ec);
        const auto is_ours = [](const std::optional<descriptor>& d) {
            return d.has_value() && peer_of(d->get()->native_handle()) == ::GetCurrentProcessId();
        };
        if (is_ours(first) && is_ours(second))
            return descriptor_pair(*std::move(first), *std::move(second));
    } catch (const error&) {
    }
    return std::nullopt;
}

/// Connects two sockets over the loopback interface.
descriptor_pair tcp_pair()
{
    const unique_socket listening = new_stream_socket(AF_INET);
    set_option(listening.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any));
    check(::listen(listening.get(), 1));
    const sockaddr_in at = name_of(listening.get(), &::getsockname);
    unique_socket first = new_stream_socket(AF_INET);
    check(::connect(first.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
    const sockaddr_in own = name_of(first.get(), &::getsockname);
    for (;;) {
        unique_socket second(::accept(listening.get(), nullptr, nullptr));
        const sockaddr_in peer = name_of(second.get(), &::getpeername);
        if (peer.sin_port != own.sin_port || peer.sin_addr.s_addr != own.sin_addr.s_addr)
            continue; // another process has connected first
        for (const SOCKET s : {first.get(), second.get()})
            set_option(s, IPPROTO_TCP, TCP_NODELAY);
        descriptor a = first.adopt();
        return {std::move(a), second.adopt()};
    }
}

} // namespace

// Windows has no socketpair().
std::pair<descriptor, descriptor> socketpair_descriptors()
{
    std::optional<descriptor_pair> made = unix_pair();
    return made ? *std::move(made) : tcp_pair();
}

} // namespace ferrule
