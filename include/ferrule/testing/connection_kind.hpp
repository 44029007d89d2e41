// The properties of one kind of connection, for tests.
#pragma once

#include <ferrule/socket_like.hpp>
#include <ferrule/testing/export.hpp>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace ferrule::testing {

/// A factory of connected ends of one kind, and what the kind cannot do. The defaults are those of a stream socket; set
/// what differs.
///
///     connection_kind kind("ring buffer", [] { return std::pair(descriptor(ring(...)), descriptor(ring(...))); });
///     kind.room = 1000;
class connection_kind {
public:
    /// Makes two new connected ends: `second` receives what `first` sends.
    using factory = std::function<std::pair<descriptor, descriptor>()>;

    connection_kind(std::string kind_name, factory make) : name(std::move(kind_name)), connect(std::move(make)) {}

    std::string name;
    factory connect;
    transfer_kind transfers = transfer_kind::stream;
    /// Whether `first` also receives what `second` sends.
    bool two_way = true;
    /// Whether `second` sees the end of the stream after `first` was closed, behind all data sent before.
    bool has_end = true;
    /// Whether sending eventually reports an error after the peer was closed.
    bool tells_sender = true;
    /// Whether sent data can be received immediately, without a delay in the system.
    bool prompt = true;
    /// Whether a send may be over before its bytes have left (see `socket_like`). `close` counts those, too, and a
    /// half-close that was given up happens nevertheless.
    bool sends_in_background = false;
    /// Whether data that does not fit in transit is dropped (UDP), so that a sender never waits.
    bool drops = false;
    /// Whether data sent before a close arrives even if the closing end had unreceived data. Not so for TCP, which
    /// resets the connection.
    bool survives_close = true;
    /// Whether `adopt` accepts the native handle of a released end, and the result carries the same bytes.
    bool can_be_adopted = false;
    /// Bytes that fit in transit while the peer does not receive. Each send costs `send_cost` more.
    std::size_t room = 32 * 1024;
    static constexpr std::size_t send_cost = 1024;
    /// Largest packet that can be sent, where packets have boundaries.
    std::size_t largest_packet = 60'000;
    /// Interrupts every `stride`-th call of the descriptor; 1 means every call. For systems with slow calls.
    std::size_t stride = 1;
};

/// A contract that a type does not keep. `what()` names the kind, the promise and the circumstances.
class FERRULE_TESTING_EXPORT contract_failure : public std::runtime_error {
public:
    explicit contract_failure(const std::string& text) : std::runtime_error(text) {}
    ~contract_failure() override;
};

} // namespace ferrule::testing
