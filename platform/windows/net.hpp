// Listening and connecting on Windows. Private.
#pragma once

#include "platform/sockaddr.hpp"
#include "platform/windows/text.hpp"

#include <string>

namespace ferrule::windows {

/// Returns a name that cannot be guessed. Throws `error`.
[[nodiscard]] std::string fresh_pipe_name();
[[nodiscard]] std::string fresh_name();
/// Makes an instance of a pipe, which this user, the system and administrators can open locally. `access` and `mode`
/// are those of CreateNamedPipe. Throws `error`.
[[nodiscard]] unique_handle make_pipe_instance(const std::wstring& name, DWORD access, DWORD mode, DWORD max_instances,
                                               DWORD room_out, DWORD room_in);
/// Throws `usage_error` (`errc::invalid_argument`) unless `name`, which may be untrusted, is that of a local pipe.
void check_pipe_name(const std::string& name);
[[nodiscard]] std::unique_ptr<os::listening> listen_at_pipe(const os::native_address& a);
[[nodiscard]] std::unique_ptr<os::attempt> connect_pipe(const os::native_address& a);

/// Owns a socket, which is not inherited. Move-only.
class unique_socket {
public:
    /// Throws `error` if `s` is INVALID_SOCKET.
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
    [[nodiscard]] SOCKET release() noexcept { return std::exchange(socket_, INVALID_SOCKET); }
    /// Gives the socket away.
    [[nodiscard]] descriptor adopt()
    {
        descriptor d = ferrule::detail::own(reinterpret_cast<HANDLE>(socket_));
        socket_ = INVALID_SOCKET;
        return d;
    }

private:
    SOCKET socket_;
};
/// Returns the process at the other end of a pipe or of a unix socket, 0 if it is unknown.
[[nodiscard]] DWORD peer_of(HANDLE connected) noexcept;
/// Throws `error`.
[[nodiscard]] unique_socket new_stream_socket(int family);
void set_option(SOCKET s, int level, int option, bool on = true);
/// Throws `error` if the result of a socket function is not 0.
void check(int result);
[[nodiscard]] std::unique_ptr<os::listening> listen_at_socket(const os::native_address& a,
                                                              const os::listening_settings& s);
[[nodiscard]] std::unique_ptr<os::attempt> connect_socket(const os::native_address& to, const os::connect_settings& s);

} // namespace ferrule::windows
