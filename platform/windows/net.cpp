#include "platform/windows/net.hpp"

#include <afunix.h>
#include <ws2tcpip.h>

#include <boost/asio/error.hpp>

#include <array>
#include <thread>

namespace ferrule::windows {
namespace {

/// The user of a process; empty if that cannot be known.
std::vector<std::byte> user_of(HANDLE process)
{
    HANDLE token = nullptr;
    if (process == nullptr || ::OpenProcessToken(process, TOKEN_QUERY, &token) == 0)
        return {};
    const unique_handle owner(token);
    alignas(TOKEN_USER) std::array<std::byte, sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE> user{};
    DWORD n = 0;
    if (::GetTokenInformation(token, TokenUser, user.data(), user.size(), &n) == 0)
        return {};
    const PSID id = reinterpret_cast<const TOKEN_USER*>(user.data())->User.Sid;
    const auto* const begin = static_cast<const std::byte*>(id);
    return {begin, begin + ::GetLengthSid(id)};
}

} // namespace

DWORD peer_of(HANDLE connected) noexcept
{
    ULONG peer = 0;
    bool known = false;
    DWORD flags = 0;
    if (is_socket(connected)) {
        DWORD n = 0;
        known = ::WSAIoctl(reinterpret_cast<SOCKET>(connected), SIO_AF_UNIX_GETPEERPID, nullptr, 0, &peer, sizeof peer,
                           &n, nullptr, nullptr) == 0;
    } else if (::GetNamedPipeInfo(connected, &flags, nullptr, nullptr, nullptr) != 0)
        known = (flags & PIPE_SERVER_END) != 0 ? ::GetNamedPipeClientProcessId(connected, &peer) != 0
                                               : ::GetNamedPipeServerProcessId(connected, &peer) != 0;
    return known ? peer : 0;
}

} // namespace ferrule::windows

namespace ferrule::os {

using namespace windows;

std::unique_ptr<listening> listen_at(const address& a, int backlog)
{
    switch (a.kind()) {
    case address::family::tcp:
    case address::family::unix_path: return listen_at_socket(a, backlog);
    case address::family::pipe: return listen_at_pipe(a);
    default: throw_error(errc::unsupported);
    }
}

std::unique_ptr<listening> listen_anywhere(int)
{
    return listen_at_pipe(address::pipe(fresh_pipe_name()));
}

std::unique_ptr<attempt> start_connect(const resolved_address& to)
{
    if (to.kind != address::family::pipe)
        return connect_socket(to);
    return connect_pipe(address::pipe(std::string(byte_view(to.bytes).text())));
}

// Of a process that has ended meanwhile another one may have got the number: then it is that one's user.
bool is_this_user(const detail::any_descriptor& connected) noexcept
{
    const unique_handle process(
        ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, peer_of(connected.native_handle())));
    try {
        const std::vector<std::byte> theirs = user_of(process.get());
        return !theirs.empty() && theirs == user_of(::GetCurrentProcess());
    } catch (const std::bad_alloc&) {
        return false;
    }
}

bool is_would_block(const error_code& ec) noexcept
{
    return ec == system_error(ERROR_PIPE_BUSY);
}

bool is_exhausted(const error_code& ec) noexcept
{
    for (const DWORD e : {DWORD{ERROR_NO_SYSTEM_RESOURCES}, DWORD{ERROR_NOT_ENOUGH_MEMORY}, DWORD{ERROR_OUTOFMEMORY},
                          DWORD{ERROR_TOO_MANY_OPEN_FILES}, DWORD{WSAEMFILE}, DWORD{WSAENOBUFS}})
        if (ec == system_error(e))
            return true;
    return ec == detail::no_memory();
}

std::vector<resolved_address> look_up(const address& a, bool only_numbers, error_code& ec)
{
    ADDRINFOW hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = only_numbers ? AI_NUMERICHOST : 0;
    ADDRINFOW* found = nullptr;
    start_sockets();
    switch (::GetAddrInfoW(wide(a.name()).c_str(), std::to_wstring(a.port()).c_str(), &hints, &found)) {
    case 0: break;
    case WSATRY_AGAIN: ec = boost::asio::error::host_not_found_try_again; return {};
    default: ec = boost::asio::error::host_not_found; return {};
    }
    const std::unique_ptr<ADDRINFOW, void(WSAAPI*)(ADDRINFOW*)> owner(found, &::FreeAddrInfoW);
    return addresses_of(a, found);
}

std::vector<resolved_address> resolve_at_once(const address& a)
{
    error_code ec;
    switch (a.kind()) {
    case address::family::tcp: return look_up(a, true, ec);
    case address::family::unix_path: return {unix_address<sockaddr_un>(a, AF_UNIX)};
    case address::family::pipe: {
        (void)pipe_name(a);
        const byte_view name(a.name());
        return {{a.kind(), std::vector<std::byte>(name.begin(), name.end())}};
    }
    default: throw_error(errc::unsupported);
    }
}

void start_thread(std::function<void()> f)
{
    try {
        std::thread(std::move(f)).detach();
    } catch (const std::system_error& e) {
        throw_error({e.code().value(), boost::system::system_category()});
    }
}

doorbell::doorbell() : handle_(make_event().release()) {}

doorbell::~doorbell()
{
    ::CloseHandle(handle_);
}

void doorbell::ring() noexcept
{
    ::SetEvent(handle_);
}

} // namespace ferrule::os
