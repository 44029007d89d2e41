// Connections of every kind that the library knows, and two of our own.
#pragma once

#include "support/test.hpp"

#include <ferrule/testing/connection_kind.hpp>

namespace ferrule::test {

/// All of this system. The names stand in support/kinds.cpp and in kinds.cpp of the system's folder only.
const std::vector<testing::connection_kind>& kinds();

/// Throws `std::out_of_range` when this system has no such kind.
const testing::connection_kind& kind(std::string_view name);

inline constexpr std::size_t max_kinds = 24;

/// Registers a test case for each kind, or for each that `wanted` accepts: "<prefix>: <name of the kind>". As test cases of
/// their own they run side by side.
///
///     const kind_tests<keeps_the_contract> registered("contract");
template <void Test(const testing::connection_kind&)>
class kind_tests {
public:
    using predicate = bool(const testing::connection_kind&);

    explicit kind_tests(const std::string& prefix, predicate* wanted = nullptr)
    {
        add(prefix, wanted, std::make_index_sequence<max_kinds>());
    }

private:
    template <std::size_t I>
    static void run()
    {
        Test(kinds()[I]);
    }

    template <std::size_t... I>
    static void add(const std::string& prefix, predicate* wanted, std::index_sequence<I...>)
    {
        void (*const tests[])() = {run<I>...};
        for (std::size_t i = 0; i < kinds().size(); ++i) {
            const testing::connection_kind& k = kinds()[i];
            if (wanted == nullptr || wanted(k))
                REGISTER_TEST_CASE(tests[i], prefix + ": " + k.name);
        }
    }
};

} // namespace ferrule::test
