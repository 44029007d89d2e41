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
/// connection in `q`. On failure `q` explains what has become of each address, if there are several, and names the address
/// asked for. Throws `error`.
[[nodiscard]] FERRULE_EXPORT descriptor start_connecting(std::vector<os::native_address> to, const connect_settings& o,
                                                         begin_handshake begin, std::shared_ptr<accept_queue>& q);
[[nodiscard]] FERRULE_EXPORT descriptor start_connecting(const address& to, const connect_settings& o,
                                                         begin_handshake begin, std::shared_ptr<accept_queue>& q);

} // namespace ferrule::detail
