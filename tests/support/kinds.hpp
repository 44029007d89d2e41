// Connections of every kind that the library knows, and two of our own.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <string_view>

namespace ferrule::test {

inline constexpr std::string_view kind_names[] = {
    "memory stream",    "pipe",           "FIFO",          "socketpair", "TCP", "pty",
    "pty master sends", "memory packets", "unix datagram", "seqpacket",  "UDP", "handle link"};

/// One of the above.
const testing::connection_kind& kind(std::string_view name);

} // namespace ferrule::test
