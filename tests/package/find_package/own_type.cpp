// How users try a type of their own: here the socket pairs of ferrule itself stand for it.
#include <ferrule/platform/descriptor_pair.hpp>
#include <ferrule/testing/schedules.hpp>
#include <ferrule/testing/socket_contract.hpp>

#include <iostream>

int main()
{
    const ferrule::testing::connection_kind kind("own type", ferrule::socketpair_descriptors);
    try {
        for (const auto& check : ferrule::testing::socket_contract())
            if (check.applies_to(kind))
                check.run(kind);
        for (std::uint64_t seed = 0; seed < 100; ++seed)
            ferrule::testing::run_schedule(kind, seed);
    } catch (const ferrule::testing::contract_failure& failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
    std::cout << "the contract is kept\n";
}
