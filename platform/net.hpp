// Listening and connecting without waiting, at addresses in the system's form. Private.
#pragma once

#include <ferrule/detail/socket_settings.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ferrule::os {

/// An address in the form the system takes: a sockaddr, or the name of a Windows pipe.
struct native_address {
    enum class kind : unsigned char { unix_path, unix_abstract, ip, pipe };

    kind type;
    std::vector<std::byte> bytes;
    bool packets = false; // of a unix socket for connections that keep packets apart (SOCK_SEQPACKET)
};
/// These throw `error`: `errc::invalid_argument` for an impossible address, `errc::unsupported` for one that this system
/// lacks.
[[nodiscard]] native_address unix_address(const std::string& path);
[[nodiscard]] native_address abstract_address(const std::string& name);
[[nodiscard]] native_address pipe_address(const std::string& name);
[[nodiscard]] bool is_ipv6(const native_address& a) noexcept;
/// Whether a socket that is bound to one can connect to the other.
[[nodiscard]] bool is_same_family(const native_address& a, const native_address& b) noexcept;
/// `a` is that of a host.
void set_port(native_address& a, std::uint16_t port) noexcept;
/// The addresses of a host, with the port or service. Blocks until the system knows them, unless `only_numbers`. A host
/// name then has no address. The service is one for datagrams or for streams.
[[nodiscard]] std::vector<native_address> look_up(const std::string& host, const std::string& service,
                                                  bool only_numbers, error_code& ec, bool datagrams = false);
/// An address as text: the path, the name or the host, and the port. `text_of` throws `error`.
struct address_text {
    std::string name;
    std::uint16_t port = 0;
};
[[nodiscard]] address_text text_of(const native_address& a);

/// A place where connections arrive.
class listening {
public:
    listening() = default;
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;
    /// Removes what was created in the file system.
    virtual ~listening() = default;

    /// The address, with the port that the system has chosen. Throws `error`.
    [[nodiscard]] virtual native_address where() const = 0;
    /// Becomes ready when there is a connection. Always the same.
    [[nodiscard]] virtual readiness wait_handle() const noexcept = 0;
    /// The next connection, which is not inherited. Without one, `ec` is the error, or clear if there is none yet.
    /// Never waits.
    [[nodiscard]] virtual std::optional<descriptor> accept(error_code& ec) noexcept = 0;
};
using detail::listening_settings;
/// Listens. A unix socket whose file is there already, but at which nobody listens, takes its place. Throws `error`:
/// `errc::unsupported` for a setting that the system lacks.
[[nodiscard]] std::unique_ptr<listening> listen_at(const native_address& a, const listening_settings& s);
/// Listens at a new address that only this user's processes can reach.
[[nodiscard]] std::unique_ptr<listening> listen_anywhere(const listening_settings& s);
/// Owns a socket that listens already. It becomes non-blocking, also for others who use the same open file. Throws
/// `error`; the handle is the caller's then.
[[nodiscard]] std::unique_ptr<listening> adopt_listening(native_handle_type socket);
/// The handle with this number. Throws `error`: `errc::unsupported` where handles have none.
[[nodiscard]] native_handle_type handle_of(int number);
/// A socket that systemd has passed to this process, by its name (see sd_listen_fds(3)).
struct passed_socket {
    std::string name;
    native_handle_type handle;
};
[[nodiscard]] std::vector<passed_socket> passed_sockets();

/// A connection that is being made.
class attempt {
public:
    attempt() = default;
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    virtual ~attempt() = default;

    /// Becomes ready when there is a result.
    [[nodiscard]] virtual readiness wait_handle() const noexcept = 0;
    /// The connection, once. Without one, `ec` is the error, or clear while connecting. Never waits.
    [[nodiscard]] virtual std::optional<descriptor> result(error_code& ec) noexcept = 0;
};
/// How to connect. What the system does not know is the result `errc::unsupported`.
struct connect_settings {
    std::optional<native_address> local;
    detail::tcp_settings tcp;
};
/// Starts to connect. An immediate failure is a result too. Throws `std::bad_alloc`, and on Windows `error` if there is
/// no event left.
[[nodiscard]] std::unique_ptr<attempt> start_connect(const native_address& to, const connect_settings& s = {});

/// Whether the peer belongs to this process's user; false where the system does not tell.
[[nodiscard]] bool is_this_user(const detail::any_descriptor& connected) noexcept;
/// True if `ec` means would-block.
[[nodiscard]] bool is_would_block(const error_code& ec) noexcept;
/// Whether the process or the system has run out of descriptors.
[[nodiscard]] bool is_exhausted(const error_code& ec) noexcept;

} // namespace ferrule::os
