// What a test has to know about one kind of connection.
#pragma once

#include <ferrule/socket_like.hpp>
#include <ferrule/testing/export.hpp>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace ferrule::testing {

/// How to make connected ends of one kind, and what the kind cannot do. Fill in what differs from the defaults, which
/// are those of a stream socket.
///
///     connection_kind kind("ring buffer", [] { return std::pair(descriptor(ring(...)), descriptor(ring(...))); });
///     kind.room = 1000;
class connection_kind {
public:
    /// Two new connected ends: what `first` sends, `second` receives.
    using factory = std::function<std::pair<descriptor, descriptor>()>;

    connection_kind(std::string kind_name, factory make) : name(std::move(kind_name)), connect(std::move(make)) {}

    std::string name;
    factory connect;
    transfer_kind transfers = transfer_kind::stream;
    /// Whether `first` also receives what `second` sends.
    bool two_way = true;
    /// Whether `second` learns that `first` was closed, after everything that had been sent before.
    bool has_end = true;
    /// Whether sending reports an error, sooner or later, once the other end was closed.
    bool tells_sender = true;
    /// Whether what was sent can be received at once, without the system having to carry it over first.
    bool prompt = true;
    /// Whether what does not fit in transit is dropped (UDP), so that a sender never has to wait.
    bool drops = false;
    /// Whether what was sent before a close arrives even if the one that closes had not received everything (not with
    /// TCP, which resets the connection).
    bool survives_close = true;
    /// Whether `adopt` takes the native handle of a released end, and what it makes of it carries the same bytes.
    bool can_be_adopted = false;
    /// Bytes that surely fit in transit while nobody receives; `send_cost` is to be added for each send.
    std::size_t room = 32 * 1024;
    static constexpr std::size_t send_cost = 1024;
    /// Where packets have boundaries: the largest one that can be sent.
    std::size_t largest_packet = 60'000;
    /// Of the calls at which an operation is interrupted, every how many-th is tried; from 1 (all). For systems where calls are slow.
    std::size_t stride = 1;
};

/// A promise that a type does not keep. `what()` names the kind, the promise and the circumstances.
class FERRULE_TESTING_EXPORT contract_failure : public std::runtime_error {
public:
    explicit contract_failure(const std::string& text) : std::runtime_error(text) {}
    ~contract_failure() override;
};

} // namespace ferrule::testing
