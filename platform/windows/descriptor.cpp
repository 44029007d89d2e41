#include "platform/windows/handle.hpp"

namespace ferrule {

using namespace windows;

namespace {

descriptor open(native_handle_type h, bool owned, uses u = {})
{
    start_sockets();
    if (h == nullptr || h == invalid_handle)
        throw_error(errc::bad_descriptor);
    if (is_socket(h))
        return open_socket(reinterpret_cast<SOCKET>(h), owned);
    switch (::GetFileType(h)) {
    case FILE_TYPE_PIPE: return open_pipe(h, owned, u);
    case FILE_TYPE_DISK: return open_file(h, owned);
    case FILE_TYPE_CHAR: return is_console(h) ? open_console(h, owned) : open_file(h, owned);
    default: throw_error(errc::bad_descriptor);
    }
}

} // namespace

descriptor windows::open_duplicate(WSAPROTOCOL_INFOW& info)
{
    const SOCKET s = ::WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                                  WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (s == INVALID_SOCKET)
        throw_error(last_socket_error());
    try {
        return open_socket(s, true);
    } catch (...) {
        ::closesocket(s);
        throw;
    }
}

descriptor windows::duplicate_for(uses u, HANDLE handle)
{
    if (handle == nullptr || handle == invalid_handle)
        throw_error(errc::bad_descriptor);
    start_sockets();
    if (is_socket(handle)) {
        WSAPROTOCOL_INFOW info;
        if (::WSADuplicateSocketW(reinterpret_cast<SOCKET>(handle), ::GetCurrentProcessId(), &info) != 0)
            throw_error(last_socket_error());
        return open_duplicate(info);
    }
    unique_handle copy = copy_of(handle);
    if (!copy.is_open())
        throw_error(errc::bad_descriptor);
    descriptor d = open(copy.get(), true, u);
    (void)copy.release();
    return d;
}

descriptor detail::own(native_handle_type handle)
{
    descriptor d = open(handle, true);
    (void)make_inheritable(handle, false);
    return d;
}

descriptor duplicate(native_handle_type handle)
{
    return duplicate_for({}, handle);
}

descriptor borrow(native_handle_type handle)
{
    return open(handle, false);
}

} // namespace ferrule
