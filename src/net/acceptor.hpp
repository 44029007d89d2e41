// Accepts connections and runs their handshakes, all in one stream. Private, but for the libraries of this project.
#pragma once

#include "src/net/pending_handshake.hpp"

#include <ferrule/net/listener.hpp>

#include <memory>
#include <vector>

namespace ferrule::detail {

/// Listens at each of `at`, and replaces them by the addresses that the system has chosen. If there is none, it listens
/// at a new one that only this user's processes can reach: a unix socket, or on Windows a pipe. Each byte of the stream
/// stands for a connection in `q`. Throws `error`.
[[nodiscard]] FERRULE_EXPORT descriptor listen(std::vector<address>& at, const listen_settings& o,
                                               begin_handshake begin, std::shared_ptr<accept_queue>& q);

} // namespace ferrule::detail
