// Connected ends, made by the calls of Windows.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule::test {

using ends = std::pair<descriptor, descriptor>;

/// Both ways, with buffers of 4 KiB.
ends named_pipe_pair(transfer_kind kind);
/// With small buffers: Wine takes its time to fill large ones.
ends anonymous_pipe();
ends tcp_pair();
ends udp_pair();

} // namespace ferrule::test
