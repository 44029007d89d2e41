// The tests that ferrule itself has to pass, on a type of one's own: here its socket pairs stand for it.
#include <ferrule/platform/descriptor_pair.hpp>
#include <ferrule/testing/schedules.hpp>
#include <ferrule/testing/socket_contract.hpp>

#include <iostream>

int main()
{
    namespace testing = ferrule::testing;
    //[contract
    const testing::connection_kind kind("own type", ferrule::socketpair_descriptors);
    try {
        for (const testing::contract_check& check : testing::socket_contract())
            if (check.applies_to(kind))
                check.run(kind);
        for (std::uint64_t seed = 0; seed < 100; ++seed)
            testing::run_schedule(kind, seed);
    } catch (const testing::contract_failure& failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
    //]
    std::cout << "the contract is kept\n";
}
