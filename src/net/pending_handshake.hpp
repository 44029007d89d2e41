// The handshake that precedes the use of a connection. Private, but for the libraries of this project.
#pragma once

#include <ferrule/socket_like.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace ferrule::detail {

/// A connection and its handshake, which proceeds without waiting.
class pending_handshake {
public:
    pending_handshake() = default;
    pending_handshake(const pending_handshake&) = delete;
    pending_handshake& operator=(const pending_handshake&) = delete;
    virtual ~pending_handshake() = default;

    /// Goes as far as possible immediately. Returns what to wait for, which is not `now()`, or nothing once the
    /// handshake is done. Throws `error` if it fails.
    [[nodiscard]] virtual std::optional<readiness> advance() = 0;
    /// The connection, once the handshake is done.
    [[nodiscard]] virtual descriptor take() noexcept = 0;
};

/// Begins a handshake. If empty, connections are handed out immediately.
class begin_handshake : public std::function<std::unique_ptr<pending_handshake>(descriptor)> {
public:
    using function::function;

    bool encrypts = false; // with TLS; only such a handshake makes use of addresses of `address::family::tls`
};

} // namespace ferrule::detail
