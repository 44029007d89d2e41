// Addresses that nobody uses yet.
#pragma once

#include <ferrule/net/address.hpp>

#include <string>
#include <vector>

namespace ferrule::test {

/// One of each kind that this system has.
std::vector<address> addresses();

/// Of the kind that a listener takes by default, if it is without a file: an abstract name, on Windows a pipe.
address local_address();

} // namespace ferrule::test
