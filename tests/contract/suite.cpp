// The contract suite of the public test kit, over every kind of connection.
#include "support/kinds.hpp"
#include "support/test.hpp"

#include <ferrule/testing/socket_contract.hpp>

namespace {

void keeps_the_contract(const testing::connection_kind& kind)
{
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

const test::kind_tests<keeps_the_contract> registered("contract");

} // namespace
