// Connections of every kind that the library knows on Windows, and two of our own.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <string_view>

namespace ferrule::test {

inline constexpr std::string_view kind_names[] = {"memory stream", "pipe",           "anonymous pipe",
                                                  "byte pipe",     "message pipe",   "socketpair",
                                                  "TCP",           "memory packets", "UDP"};

/// One of the above.
const testing::connection_kind& kind(std::string_view name);

} // namespace ferrule::test
