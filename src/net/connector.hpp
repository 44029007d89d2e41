// Connects and runs the handshake, in one stream. Private, but for the libraries of this project.
#pragma once

#include "platform/net.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/pending_handshake.hpp"

#include <ferrule/net/connect.hpp>

#include <memory>
#include <vector>

namespace ferrule::detail {

/// Begins to connect to the first of several addresses that answers. The stream has one byte, which stands for the
/// connection in `q`. On failure `q` explains what has become of each address, if there are several. Throws `error`.
[[nodiscard]] FERRULE_EXPORT descriptor start_connecting(std::vector<os::native_address> to, const connect_settings& o,
                                                         begin_handshake begin, std::shared_ptr<accept_queue>& q);
[[nodiscard]] FERRULE_EXPORT descriptor start_connecting(const address& to, const connect_settings& o,
                                                         begin_handshake begin, std::shared_ptr<accept_queue>& q);

/// Waits for the connection that `start(queue)` begins. An error names the address, and what has become of each attempt.
template <class Start>
[[nodiscard]] duplex connect_by(Start start, const address& to, const until& timeout)
{
    std::shared_ptr<accept_queue> queue;
    auto connecting = connections<void>([&](auto& q) {
        descriptor d = start(q);
        queue = q;
        return d;
    });
    error_code ec;
    duplex d = connecting.recv(timeout, ec);
    if (ec)
        throw_in_context(ec, "ferrule: connecting to " + to.to_string() + queue->explanation());
    return d;
}

} // namespace ferrule::detail
