// A test over every kind of stream that ends, in every style of call.
#pragma once

#include "support/connection.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

namespace ferrule::test {

/// Calls `test(writer&, reader&, style)` with the ends of a new connection for each.
template <class Test>
void for_each_stream(const Test& test)
{
    for (const testing::connection_kind& k : streams_with_end())
        for (const style s : all_styles) {
            INFO(k.name << ", " << name(s));
            connection l(k);
            writer w(std::move(l.sender));
            reader r(std::move(l.receiver));
            test(w, r, s);
        }
}

} // namespace ferrule::test
