#include "support/transports.hpp"

#include "support/kinds.hpp"

namespace ferrule::test {

connection connect(transport t)
{
    static constexpr std::string_view kinds[] = {"memory stream", "pipe", "socketpair", "TCP"};
    auto ends = kind(kinds[static_cast<std::size_t>(t)]).connect();
    return {std::move(ends.first), std::move(ends.second)};
}

} // namespace ferrule::test
