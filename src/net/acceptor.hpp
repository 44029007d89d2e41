// Accepts connections and runs their handshakes, all in one stream. Private, but for the libraries of this project.
#pragma once

#include "src/net/pending_handshake.hpp"

#include <ferrule/detail/accepted.hpp>
#include <ferrule/error.hpp>
#include <ferrule/net/address.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace ferrule::detail {

struct acceptor_options {
    int backlog = 128;               // maximum connections that the system keeps until they are accepted
    bool same_user = false;          // reject peers of other users; not on TCP
    std::size_t max_handshakes = 64; // maximum concurrent handshakes; beyond it the oldest is dropped
    std::chrono::milliseconds handshake_timeout{10'000};
    std::function<void(const error&)> on_refused{}; // called on the accepting thread when a peer is rejected
};

/// Listens at `at`, and sets its port if the system chose it. Each byte of the stream stands for a connection in `q`.
/// Throws `error`.
[[nodiscard]] FERRULE_EXPORT descriptor listen(address& at, const acceptor_options& o, begin_handshake begin,
                                               std::shared_ptr<accept_queue>& q);
/// Listens at a new address that only this user's processes can reach. It is a unix socket, or on Windows a pipe.
[[nodiscard]] FERRULE_EXPORT descriptor listen_anywhere(address& at, const acceptor_options& o, begin_handshake begin,
                                                        std::shared_ptr<accept_queue>& q);

} // namespace ferrule::detail
