// Where somebody listens.
#pragma once

#include <ferrule/detail/export.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace ferrule {

/// The address of a stream socket, or of a named pipe of Windows, that listens.
class address {
public:
    enum class family : unsigned char { unix_path, unix_abstract, tcp, pipe };

    /// A unix socket in the file system: at most 107 bytes.
    static address unix_path(std::string path) { return {family::unix_path, std::move(path), 0}; }
    /// A unix socket of Linux's that is in no file system; the name without the leading NUL.
    static address unix_abstract(std::string name) { return {family::unix_abstract, std::move(name), 0}; }
    /// IPv4 or IPv6. Whoever listens may leave the port to the system: 0.
    static address tcp(std::string host, std::uint16_t port) { return {family::tcp, std::move(host), port}; }

    /// A named pipe of Windows, of this machine: R"(\\.\pipe\name)".
    static address pipe(std::string name) { return {family::pipe, std::move(name), 0}; }

    [[nodiscard]] family kind() const noexcept { return kind_; }
    /// The path, the name or the host.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Whether only processes of this machine can be at the other end: unix sockets, pipes, 127.0.0.0/8, ::1 and "localhost".
    [[nodiscard]] FERRULE_EXPORT bool is_local() const;
    /// For people: "/run/x", "@name", "127.0.0.1:80", "[::1]:80".
    [[nodiscard]] FERRULE_EXPORT std::string to_string() const;

    friend bool operator==(const address&, const address&) = default;

private:
    address(family f, std::string name, std::uint16_t port) : kind_(f), name_(std::move(name)), port_(port) {}

    family kind_;
    std::string name_;
    std::uint16_t port_;
};

} // namespace ferrule
