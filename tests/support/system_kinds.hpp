// Connected ends that each system makes by calls of its own.
#pragma once

#include <ferrule/socket_like.hpp>
#include <ferrule/testing/connection_kind.hpp>

#include <utility>
#include <vector>

namespace ferrule::test {

using ends = std::pair<descriptor, descriptor>;

/// Over the loopback interface, without Nagle's algorithm.
ends tcp_pair();
/// Over the loopback interface, each connected to the other.
ends udp_pair();

/// Adds what only this system has, and says where the common kinds are different there.
void adapt_to_system(std::vector<testing::connection_kind>& all);

} // namespace ferrule::test
