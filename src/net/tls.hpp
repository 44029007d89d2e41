// The TLS handshake for acceptors and connectors. Private, but for the libraries of this project.
#pragma once

#include "platform/tls/connection.hpp"
#include "src/net/pending_handshake.hpp"

#include <string>

namespace ferrule::detail {

/// Checks the arguments: throws what `tls::client` throws. `server_name` is empty for a server.
[[nodiscard]] begin_handshake tls_handshake(const tls::context& c, tls::role r, const std::string& server_name);

} // namespace ferrule::detail
