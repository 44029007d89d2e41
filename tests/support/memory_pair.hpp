// Two connected ends in memory: a user's own type, with doorbells to wait for.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <utility>

namespace ferrule::test {

/// `capacity`: bytes that a direction holds before writing would block.
std::pair<descriptor, descriptor> memory_pair(std::size_t capacity = 64 * 1024);
/// Keeps the boundaries of packets. `capacity`: packets that a direction holds before writing would block.
std::pair<descriptor, descriptor> memory_packet_pair(std::size_t capacity = 16);

} // namespace ferrule::test
