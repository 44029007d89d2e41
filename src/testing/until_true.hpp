// Waits for effects of other threads. Private.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/expect.hpp"

#include <thread>

namespace ferrule::testing::kit {

/// Returns when `condition()` holds. Fails if that takes too long.
template <class Condition>
void until_true(Condition condition, std::source_location where = std::source_location::current())
{
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
        expect(std::chrono::steady_clock::now() < end, "waited in vain", where);
        std::this_thread::yield();
    }
}

} // namespace ferrule::testing::kit
