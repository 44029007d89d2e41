#include "platform/socket_info.hpp"

#include "platform/windows/net.hpp"

namespace ferrule::os {
namespace {

SOCKET socket_of(native_handle_type h)
{
    if (!windows::is_socket(h))
        throw_error(errc::unsupported);
    return reinterpret_cast<SOCKET>(h);
}

void check(int result)
{
    if (result != 0)
        throw_error(::WSAGetLastError() == WSAENOPROTOOPT ? error_code(errc::unsupported)
                                                          : windows::last_socket_error());
}

} // namespace

socket_name name_of(native_handle_type socket, socket_end end)
{
    const SOCKET s = socket_of(socket);
    sockaddr_storage storage{};
    int size = sizeof storage;
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    check(end == socket_end::peer ? ::getpeername(s, address, &size) : ::getsockname(s, address, &size));
    int type = 0;
    int type_size = sizeof type;
    check(::getsockopt(s, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &type_size));
    return {native_of(storage, size), type == SOCK_DGRAM ? socket_type::datagram : socket_type::stream};
}

process_user peer_of(native_handle_type)
{
    throw_error(errc::unsupported);
}

int get_option(native_handle_type socket, socket_option o)
{
    const auto [level, option] = name_of(o);
    int value = 0;
    int size = sizeof value;
    check(::getsockopt(socket_of(socket), level, option, reinterpret_cast<char*>(&value), &size));
    return value;
}

void set_option(native_handle_type socket, socket_option o, int value)
{
    const auto [level, option] = name_of(o);
    check(::setsockopt(socket_of(socket), level, option, reinterpret_cast<const char*>(&value), sizeof value));
}

} // namespace ferrule::os
