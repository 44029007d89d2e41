// What listens and connects on Windows. Private.
#pragma once

#include "platform/net.hpp"
#include "platform/windows/text.hpp"

#include <string>

namespace ferrule::windows {

/// A name that nobody can guess. Throws `error`.
[[nodiscard]] std::string fresh_pipe_name();
[[nodiscard]] std::string fresh_name();
/// One more end of a pipe that others can open: this user, the system and administrators, on this machine. `access` and `mode`
/// are those of CreateNamedPipe. Throws `error`.
[[nodiscard]] unique_handle make_pipe_instance(const std::wstring& name, DWORD access, DWORD mode, DWORD most_instances,
                                               DWORD room_out, DWORD room_in);
/// Throws `usage_error` (`errc::invalid_argument`) if it is not that of a pipe on this machine: others may have chosen it.
[[nodiscard]] std::wstring pipe_name(const address& a);
[[nodiscard]] std::unique_ptr<os::listening> listen_at_pipe(const address& a);
[[nodiscard]] std::unique_ptr<os::attempt> connect_pipe(const address& a);

/// Owns a socket, which is not inherited. Move-only.
class unique_socket {
public:
    /// Throws `error` if there is none.
    explicit unique_socket(SOCKET s) : socket_(s)
    {
        if (s == INVALID_SOCKET)
            throw_error(last_socket_error());
    }
    unique_socket(unique_socket&& other) noexcept : socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
    unique_socket& operator=(unique_socket&&) = delete;
    ~unique_socket()
    {
        if (socket_ != INVALID_SOCKET)
            ::closesocket(socket_);
    }
    [[nodiscard]] SOCKET get() const noexcept { return socket_; }
    /// Gives it away.
    [[nodiscard]] descriptor adopt()
    {
        descriptor d = ferrule::detail::own(reinterpret_cast<HANDLE>(socket_));
        socket_ = INVALID_SOCKET;
        return d;
    }

private:
    SOCKET socket_;
};
/// The process at the other end of a pipe or of a unix socket; 0 if that is not known.
[[nodiscard]] DWORD peer_of(HANDLE connected) noexcept;
/// Throws `error`.
[[nodiscard]] unique_socket new_stream_socket(int family);
void set_option(SOCKET s, int level, int option);
/// Throws `error` unless it is 0, as the functions for sockets return.
void check(int result);
[[nodiscard]] std::unique_ptr<os::listening> listen_at_socket(const address& a, int backlog);
[[nodiscard]] std::unique_ptr<os::attempt> connect_socket(const os::resolved_address& to);

} // namespace ferrule::windows
