#include "platform/socket_info.hpp"

#include "platform/posix/last_error.hpp"
#include "platform/sockaddr.hpp"

#include <unistd.h>

namespace ferrule::os {
namespace {

[[noreturn]] void fail()
{
    if (errno == ENOTSOCK || errno == EOPNOTSUPP || errno == ENOPROTOOPT)
        throw_error(errc::unsupported);
    throw_error(posix::last_error());
}

int ask(int socket, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(socket, level, option, &value, &size) != 0)
        fail();
    return value;
}

/// Of a peer that the system knows, else false.
bool ask_user(int socket, ucred& peer) noexcept
{
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer && peer.pid != 0;
}

} // namespace

socket_name name_of(native_handle_type socket, socket_end end)
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    if ((end == socket_end::peer ? ::getpeername(socket, address, &size) : ::getsockname(socket, address, &size)) != 0)
        fail();
    const int type = ask(socket, SOL_SOCKET, SO_TYPE);
    return {native_of(storage, size), type == SOCK_DGRAM       ? socket_type::datagram
                                      : type == SOCK_SEQPACKET ? socket_type::seqpacket
                                                               : socket_type::stream};
}

process_user peer_of(native_handle_type socket)
{
    ucred peer{};
    if (!ask_user(socket, peer))
        throw_error(errc::unsupported);
    return {peer.pid, peer.uid, peer.gid};
}

int get_option(native_handle_type socket, socket_option o)
{
    const auto [level, option] = name_of(o);
    return ask(socket, level, option);
}

void set_option(native_handle_type socket, socket_option o, int value)
{
    const auto [level, option] = name_of(o);
    if (::setsockopt(socket, level, option, &value, sizeof value) != 0)
        fail();
}

bool is_this_user(const detail::any_descriptor& connected) noexcept
{
    ucred peer{};
    return ask_user(connected.native_handle(), peer) && peer.uid == ::geteuid();
}

} // namespace ferrule::os
