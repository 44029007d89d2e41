// The contract suite of the public test kit, as checks of a test.
#pragma once

#include "support/catch.hpp"
#include "support/watchdog.hpp"

#include <ferrule/testing/socket_contract.hpp>

namespace ferrule::test {

inline void keeps_the_contract(const testing::connection_kind& kind, std::chrono::seconds patience = usual_patience)
{
    const watchdog guard(kind.name.c_str(), patience);
    for (const testing::contract_check& check : testing::socket_contract()) {
        if (!check.applies_to(kind))
            continue;
        try {
            check.run(kind);
            SUCCEED();
        } catch (const testing::contract_failure& failure) {
            FAIL_CHECK(failure.what());
        }
    }
}

} // namespace ferrule::test
