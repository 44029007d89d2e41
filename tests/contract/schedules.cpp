// Random schedules over every kind of connection.
//
//     FERRULE_SCHEDULES=n   how many of each kind
//     FERRULE_SEED=n        begin with this seed, or at random if n is "random"; a failure names its own
#include "support/kinds.hpp"
#include "support/random.hpp"
#include "support/test.hpp"

#include <ferrule/testing/schedules.hpp>

namespace {

void run_many(const testing::connection_kind& kind)
{
    const std::uint64_t first = test::seed();
#if defined(_WIN32)
    constexpr std::uint64_t usual = 60; // Wine takes its time
#else
    constexpr std::uint64_t usual = test::sanitized ? 200 : 1500; // under a sanitizer each takes several times as long
#endif
    const std::uint64_t count = test::number_from("FERRULE_SCHEDULES", usual);
    for (std::uint64_t seed = first; seed != first + count; ++seed) {
        test::restart_watchdog(test::usual_limit,
                               kind.name + ", random schedule with the seed " + std::to_string(seed));
        try {
            testing::run_schedule(kind, seed);
        } catch (const testing::contract_failure& failure) {
            std::fprintf(stderr, "%s\nto repeat: FERRULE_SEED=%llu FERRULE_SCHEDULES=1\n", failure.what(),
                         static_cast<unsigned long long>(seed));
            FAIL("seed " << seed);
        }
    }
    SUCCEED();
}

// The reference sees bytes when the type takes them, and not when they leave later.
bool is_seen_through(const testing::connection_kind& kind)
{
    return !kind.sends_in_background;
}

const test::kind_tests<run_many> registered("schedules", is_seen_through);

} // namespace
