// Two connected ends in memory that keep the boundaries of packets: a user's own type of `transfer_kind::message`.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <utility>

namespace ferrule::test {

/// `capacity`: packets that a direction holds before writing would block.
std::pair<descriptor, descriptor> memory_packet_pair(std::size_t capacity = 16);

} // namespace ferrule::test
