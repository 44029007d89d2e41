// Random schedules over every kind of connection.
//
//     FERRULE_SCHEDULES=n   how many of each kind
//     FERRULE_SEED=n        begin with this seed; a failure names its own
#include "support/catch.hpp"
#include "support/kinds.hpp"
#include "support/sanitizers.hpp"
#include "support/watchdog.hpp"

#include <ferrule/testing/schedules.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

namespace {

using namespace ferrule;

std::uint64_t number(const char* variable, std::uint64_t otherwise)
{
    const char* given = std::getenv(variable);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

void run_many(std::string_view name)
{
    const testing::connection_kind& kind = test::kind(name);
    const std::uint64_t first = number("FERRULE_SEED", std::random_device()() * std::uint64_t{1'000'000});
#if defined(_WIN32)
    constexpr std::uint64_t usual = 60; // Wine takes its time
#else
    constexpr std::uint64_t usual = test::sanitized ? 200 : 1500; // under a sanitizer each takes several times as long
#endif
    const std::uint64_t count = number("FERRULE_SCHEDULES", usual);
    std::array<char, 100> what{};
    std::optional<test::watchdog> guard; // of a hundred at a time: a thread for each would cost as much as they do
    for (std::uint64_t seed = first; seed != first + count; ++seed) {
        if ((seed - first) % 100 == 0)
            guard.emplace(what.data());
        std::snprintf(what.data(), what.size(), "%s, random schedule with the seed %llu", kind.name.c_str(),
                      static_cast<unsigned long long>(seed));
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

} // namespace

// One test case each, so that they run side by side.
TEST_CASE("schedules: memory stream")
{
    run_many("memory stream");
}
TEST_CASE("schedules: pipe")
{
    run_many("pipe");
}
TEST_CASE("schedules: FIFO")
{
    run_many("FIFO");
}
TEST_CASE("schedules: socketpair")
{
    run_many("socketpair");
}
TEST_CASE("schedules: TCP")
{
    run_many("TCP");
}
TEST_CASE("schedules: pty")
{
    run_many("pty");
}
TEST_CASE("schedules: pty master sends")
{
    run_many("pty master sends");
}
TEST_CASE("schedules: memory packets")
{
    run_many("memory packets");
}
TEST_CASE("schedules: unix datagram")
{
    run_many("unix datagram");
}
TEST_CASE("schedules: seqpacket")
{
    run_many("seqpacket");
}
TEST_CASE("schedules: UDP")
{
    run_many("UDP");
}
