// A connection of which one end is for ferrule, the other for the system calls of the test.
#pragma once

#include "support/system.hpp"

#include <ferrule/duplex.hpp>

#include <utility>

namespace ferrule::test {

struct raw_link {
    raw_link()
    {
        auto raw = raw_stream_pair();
        mine = duplex(adopt(raw.first.release()));
        peer = std::move(raw.second);
    }
    duplex mine;
    unique_fd peer;
};

} // namespace ferrule::test
