// Addresses to listen on and connect to.
#pragma once

#include <ferrule/detail/export.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ferrule {

class rfc2217_options;
class serial_settings;

namespace detail {
class address_parser;
} // namespace detail

/// The address of a socket or Windows named pipe. Text converts to it.
///
/// Where connections arrive:
///
///     tcp://127.0.0.1:80       tcp://[::1]:80       tcp://[fe80::1%eth0]:80       tcp://example.org:http
///     tls://example.org:443    the same forms; TLS over TCP, for `tls::connect` and `tls::listener`
///     unix:/run/engine         a unix socket in the file system
///     abstract:engine          a Linux abstract unix socket
///     pipe:engine              the Windows named pipe \\.\pipe\engine
///     fd:3                     a socket that is open in this process: a listener's, or one that is connected
///     systemd:engine           a listening socket that systemd has passed under this name, see sd_listen_fds(3)
///
/// For datagrams, see `datagram_socket`:
///
///     udp://127.0.0.1:53       the same forms as those of tcp
///     unixgram:/run/log        a unix datagram socket in the file system
///     unixgram-abstract:log    a Linux abstract unix datagram socket; without a name the system chooses one
///
/// Where connections arrive that keep packets apart (SOCK_SEQPACKET). A packet is a message, as on datagram sockets:
///
///     seqpacket:/run/engine    seqpacket-abstract:engine
///
/// Where a serial line is, see <ferrule/net/serial_port.hpp>. The options are those of `serial_settings`:
///
///     serial:/dev/ttyUSB0?baud=115200&parity=E&stop=2
///     serial:COM3              the same on Windows
///     rfc2217://host:4001?baud=9600   a line of a server of RFC 2217; also the options of `rfc2217_options`
///
/// The rest of a path or name is taken as it is; nothing in it is escaped. The path of a serial line ends at the first
/// question mark.
///
/// Thread safety: any thread may call any const member at any time.
class address {
public:
    enum class family : unsigned char {
        unix_path,
        unix_abstract,
        tcp,
        pipe,
        fd,
        systemd,
        udp,
        unix_datagram,
        unix_datagram_abstract,
        unix_seqpacket,
        unix_seqpacket_abstract,
        tls,
        serial,
        rfc2217
    };

    /// Converts from text. Throws as `parse` does.
    template <std::convertible_to<std::string_view> Text>
    address(const Text& text) : address(parse(text))
    {
    }
    /// Reads what `to_string` writes. Never looks anything up.
    /// Throws: `usage_error` with `errc::invalid_argument`. Its text names the part that is wrong.
    [[nodiscard]] FERRULE_EXPORT static address parse(std::string_view text);

    /// A unix socket in the file system; the path has at most 107 bytes.
    static address unix_path(std::string path) { return {family::unix_path, std::move(path), 0}; }
    /// A Linux abstract unix socket, which is in no file system. `name` is without the leading NUL.
    static address unix_abstract(std::string name) { return {family::unix_abstract, std::move(name), 0}; }
    /// A host name, or an IPv4 or IPv6 address. A listener may pass port 0 to let the system choose.
    static address tcp(std::string host, std::uint16_t port) { return {family::tcp, std::move(host), port}; }
    /// The same with the name of a service, such as "http", which the system looks up when it connects or listens, or
    /// with a number.
    FERRULE_EXPORT static address tcp(std::string host, std::string service);

    /// As `tcp`, where TLS is spoken. Only `tls::connect` and `tls::listener` take it; nothing else connects there in
    /// clear.
    static address tls(std::string host, std::uint16_t port) { return {family::tls, std::move(host), port}; }
    FERRULE_EXPORT static address tls(std::string host, std::string service);

    /// A Windows named pipe on the local machine: R"(\\.\pipe\name)".
    static address pipe(std::string name) { return {family::pipe, std::move(name), 0}; }

    /// A descriptor that is open in this process. A listener or `connect` takes it over, and closes it in the end. Others
    /// that use the same open file may see it become non-blocking.
    /// Platform: `errc::unsupported` on Windows.
    static address fd(int number) { return {family::fd, std::to_string(number), 0}; }
    /// The listening sockets that systemd has passed to this process under `name` (FileDescriptorName=). Empty: all that
    /// nobody has taken yet.
    static address systemd(std::string name) { return {family::systemd, std::move(name), 0}; }
    /// As `tcp`. A socket may be bound to port 0 to let the system choose.
    static address udp(std::string host, std::uint16_t port) { return {family::udp, std::move(host), port}; }
    /// The name of a service is that of a UDP service.
    FERRULE_EXPORT static address udp(std::string host, std::string service);
    /// A unix datagram socket in the file system; the path has at most 107 bytes.
    static address unix_datagram(std::string path) { return {family::unix_datagram, std::move(path), 0}; }
    /// A Linux abstract unix datagram socket. `name` is without the leading NUL. A socket may be bound to an empty name
    /// to let the system choose.
    static address unix_datagram_abstract(std::string name)
    {
        return {family::unix_datagram_abstract, std::move(name), 0};
    }
    /// A unix seqpacket socket in the file system; the path has at most 107 bytes.
    static address unix_seqpacket(std::string path) { return {family::unix_seqpacket, std::move(path), 0}; }
    /// A Linux abstract unix seqpacket socket. `name` is without the leading NUL.
    static address unix_seqpacket_abstract(std::string name)
    {
        return {family::unix_seqpacket_abstract, std::move(name), 0};
    }

    /// A serial line of this machine, with the default settings. The path has no question mark, or `errc::invalid_argument`
    /// is thrown.
    FERRULE_EXPORT static address serial(std::string path);
    FERRULE_EXPORT static address serial(std::string path, const serial_settings& s);
    /// A serial line of a server that speaks RFC 2217, with the default settings.
    static address rfc2217(std::string host, std::uint16_t port) { return {family::rfc2217, std::move(host), port}; }
    FERRULE_EXPORT static address rfc2217(std::string host, std::uint16_t port, const serial_settings& s,
                                          const rfc2217_options& o);

    [[nodiscard]] family kind() const noexcept { return kind_; }
    /// The path, the name, the host, the device, or the number of the descriptor.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// 0 if there is a service, or no port at all.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] bool has_service() const noexcept { return !service_.empty(); }
    /// The name of the service, or the port as text.
    [[nodiscard]] std::string service() const { return service_.empty() ? std::to_string(port_) : service_; }
    /// The options of a serial line, as they were written.
    [[nodiscard]] const std::string& options() const noexcept { return options_; }
    /// Whether the peer must be on the same machine. True for unix sockets, pipes, 127.0.0.0/8, ::1 and "localhost";
    /// false where the address does not tell.
    [[nodiscard]] FERRULE_EXPORT bool is_local() const;
    /// The address as text, which `parse` reads back.
    [[nodiscard]] FERRULE_EXPORT std::string to_string() const;

    friend bool operator==(const address&, const address&) = default;

private:
    friend class detail::address_parser;

    address(family f, std::string name, std::uint16_t port, std::string service = {})
        : kind_(f),
          name_(std::move(name)),
          port_(port),
          service_(std::move(service))
    {
    }

    family kind_;
    std::string name_;
    std::uint16_t port_;
    std::string service_;
    std::string options_;
};

} // namespace ferrule
