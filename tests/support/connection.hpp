// Two connected ends, with names.
#pragma once

#include "support/kinds.hpp"

#include <utility>
#include <vector>

namespace ferrule::test {

/// What `sender` sends, `receiver` receives.
struct connection {
    explicit connection(const testing::connection_kind& kind) : connection(kind.connect()) {}

    descriptor sender;
    descriptor receiver;

private:
    explicit connection(std::pair<descriptor, descriptor> ends)
        : sender(std::move(ends.first)),
          receiver(std::move(ends.second))
    {
    }
};

/// The kinds of streams with an end that each side sees when the other has gone.
inline std::vector<testing::connection_kind> streams_with_end()
{
    std::vector<testing::connection_kind> streams = kinds();
    std::erase_if(streams, [](const testing::connection_kind& k) {
        return k.transfers != transfer_kind::stream || !k.has_end || !k.tells_sender;
    });
    return streams;
}

} // namespace ferrule::test
