// Connections that stop taking bytes. Private.
#pragma once

#include "src/testing/faults.hpp"

#include <ferrule/testing/connection_kind.hpp>

namespace ferrule::testing::kit {

/// A connection that takes some bytes, and then none for the moment.
class clogged {
public:
    clogged(const connection_kind& kind, std::size_t room) : ends_(kind.connect())
    {
        script->max_written = room;
        script->at = 1;
        script->what = faults::fault::would_block;
    }
    descriptor sender() { return scripted(std::move(ends_.first), script); }
    descriptor receiver() { return std::move(ends_.second); }

    const std::shared_ptr<faults> script = std::make_shared<faults>();

private:
    std::pair<descriptor, descriptor> ends_;
};

} // namespace ferrule::testing::kit
