// One kind of connection among several.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <stdexcept>
#include <string_view>
#include <vector>

namespace ferrule::test {

inline const testing::connection_kind& find_kind(const std::vector<testing::connection_kind>& all,
                                                 std::string_view name)
{
    for (const testing::connection_kind& k : all)
        if (k.name == name)
            return k;
    throw std::out_of_range("no such kind");
}

} // namespace ferrule::test
