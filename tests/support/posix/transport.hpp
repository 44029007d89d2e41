// What bytes go over, where a test or a benchmark makes the ends by the system's own calls.
#pragma once

#include "support/posix/descriptors.hpp"

#include <cstdint>
#include <utility>

namespace ferrule::test {

enum class transport : std::uint8_t { pipe, socketpair, tcp };
inline constexpr transport all_transports[] = {transport::pipe, transport::socketpair, transport::tcp};

inline const char* name(transport t)
{
    static constexpr const char* names[] = {"pipe", "socketpair", "tcp"};
    return names[static_cast<std::size_t>(t)];
}

/// New ends; of a pipe the first is for reading.
inline std::pair<unique_fd, unique_fd> raw_ends(transport t)
{
    return t == transport::pipe ? raw_pipe() : t == transport::tcp ? raw_tcp_pair() : raw_socketpair(SOCK_STREAM);
}

} // namespace ferrule::test
