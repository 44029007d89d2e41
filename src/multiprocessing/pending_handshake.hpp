// Python's handshake on a connection, non-blocking. Private.
#pragma once

#include "src/net/pending_handshake.hpp"

#include <ferrule/python/multiprocessing/authentication.hpp>

#include <optional>
#include <utility>

namespace ferrule::python::detail {

class pending_handshake final : public ferrule::detail::pending_handshake {
public:
    pending_handshake(descriptor d, handshake h) : connection_(std::move(d)), handshake_(std::move(h)) {}

    [[nodiscard]] std::optional<readiness> advance() override;
    [[nodiscard]] descriptor take() noexcept override { return std::move(connection_); }

private:
    /// Both return true if they have made progress.
    [[nodiscard]] bool send();
    [[nodiscard]] bool receive();

    descriptor connection_;
    handshake handshake_;
    bytes in_;  // at most one message, because the bytes behind the handshake belong to others
    bytes out_; // not yet sent
    bool sends_ = false;
    std::optional<direction> waits_;
};

} // namespace ferrule::python::detail
