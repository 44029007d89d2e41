#include "platform/windows/net.hpp"

#include <boost/asio/error.hpp>

#include <array>

namespace ferrule::windows {
namespace {

/// Returns the user of a process, empty if it is unknown.
std::vector<std::byte> user_of(HANDLE process)
{
    HANDLE token = nullptr;
    if (::OpenProcessToken(process, TOKEN_QUERY, &token) == 0)
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

std::unique_ptr<listening> listen_at(const native_address& a, const listening_settings& s)
{
    if (s.permissions || a.packets)
        throw_error(errc::unsupported);
    return a.type == native_address::kind::pipe ? listen_at_pipe(a) : listen_at_socket(a, s);
}

std::unique_ptr<listening> listen_anywhere(const listening_settings&)
{
    return listen_at_pipe(pipe_address(fresh_pipe_name()));
}

std::unique_ptr<listening> adopt_listening(native_handle_type)
{
    throw_error(errc::unsupported);
}

native_handle_type handle_of(int)
{
    throw_error(errc::unsupported);
}

std::vector<passed_socket> passed_sockets()
{
    return {};
}

std::unique_ptr<attempt> start_connect(const native_address& to, const connect_settings& s)
{
    if (to.packets)
        throw_error(errc::unsupported);
    return to.type == native_address::kind::pipe ? connect_pipe(to) : connect_socket(to, s);
}

// If the peer's process has ended, its number may belong to another one, whose user is compared then.
bool is_this_user(const detail::any_descriptor& connected) noexcept
{
    const unique_handle process(
        ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, peer_of(connected.native_handle())));
    if (!process.is_open()) // has the same value as GetCurrentProcess()
        return false;
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

std::vector<native_address> look_up(const std::string& host, const std::string& service, bool only_numbers,
                                    error_code& ec, bool datagrams)
{
    ADDRINFOW hints{};
    hints.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM;
    hints.ai_flags = only_numbers ? AI_NUMERICHOST : 0;
    ADDRINFOW* found = nullptr;
    start_sockets();
    switch (::GetAddrInfoW(wide(host).c_str(), wide(service).c_str(), &hints, &found)) {
    case 0: break;
    case WSATYPE_NOT_FOUND: ec = boost::asio::error::service_not_found; return {};
    case WSATRY_AGAIN: ec = boost::asio::error::host_not_found_try_again; return {};
    default: ec = boost::asio::error::host_not_found; return {};
    }
    const std::unique_ptr<ADDRINFOW, void(WSAAPI*)(ADDRINFOW*)> owner(found, &::FreeAddrInfoW);
    return addresses_of(found);
}

native_address unix_address(const std::string& path)
{
    return unix_sockaddr(native_address::kind::unix_path, path);
}

native_address abstract_address(const std::string&)
{
    throw_error(errc::unsupported);
}

native_address pipe_address(const std::string& name)
{
    check_pipe_name(name);
    const byte_view text(name);
    return {native_address::kind::pipe, std::vector<std::byte>(text.begin(), text.end())};
}

} // namespace ferrule::os
