#include "src/spin.hpp"

#include "support/catch.hpp"

#include <ferrule/pair.hpp>

#include <cstddef>
#include <ctime>
#include <span>
#include <thread>

using namespace ferrule;
using namespace std::chrono_literals;
using detail::spin;

namespace {

constexpr spin::time_point start{};

// Nothing comes, from `now` on: how long the thread looks before it sleeps, in steps of 1 µs.
std::chrono::microseconds patience_of(spin& s, spin::time_point now)
{
    std::chrono::microseconds looked{0};
    while (s.look_again(now + looked, 0))
        looked += 1us;
    s.sleeps(now + looked);
    return looked;
}

spin after_traffic()
{
    spin s;
    s.sleeps(start);
    s.woke(start + 10us);
    return s;
}

std::chrono::nanoseconds processor_time()
{
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

} // namespace

TEST_CASE("spin: nobody looks before there was traffic, or after slow traffic")
{
    spin s;
    CHECK(!s.pays(false));
    s.sleeps(start);
    s.woke(start + 1s);
    CHECK(!s.pays(false));
    s.sleeps(start);
    s.woke(start + 99us);
    CHECK(s.pays(false));
}

TEST_CASE("spin: 50 microseconds on a core of its own, one look on a shared one")
{
    spin s = after_traffic();
    CHECK(patience_of(s, start) == 50us);
    s.woke(start + 1s);
    s.gave_way(10us);
    CHECK(patience_of(s, start) == 50us); // an interrupt
    s.woke(start + 1s);
    s.gave_way(10us);
    CHECK(patience_of(s, start) == 1us);
    s.woke(start + 1s);
    s.gave_way(1us);
    CHECK(patience_of(s, start) == 50us);
}

TEST_CASE("spin: an answer from a peer on the same core is slept for, but for a probe now and then")
{
    spin s = after_traffic();
    CHECK(s.pays(true));
    s.gave_way(10us);
    s.gave_way(10us);
    int probes = 0;
    for (int i = 0; i < 1024; ++i)
        probes += s.pays(true);
    CHECK(probes == 8);
    CHECK(s.pays(false));
}

TEST_CASE("spin: three fruitless spins end it until traffic is seen again")
{
    spin s = after_traffic();
    for (int i = 0; i < 3; ++i) {
        CHECK(s.pays(false));
        patience_of(s, start);
        s.woke(start + 1s);
    }
    CHECK(!s.pays(false));
    s.sleeps(start);
    s.woke(start + 99us);
    CHECK(s.pays(false));
}

TEST_CASE("spin: bytes that come meanwhile make up for fruitless spins, at the end of an operation and within")
{
    spin s = after_traffic();
    for (int i = 0; i < 20; ++i) {
        patience_of(s, start);
        s.woke(start + 1s);
        REQUIRE(s.look_again(start, 0));
        if (i % 2 == 0)
            REQUIRE(s.look_again(start, 7)); // a part of a frame has come
        s.ended(8);
        REQUIRE(s.pays(false));
    }
}

TEST_CASE("spin: a receive that waits in vain after quick traffic takes no processor time")
{
    auto [a, b] = socketpair();
    std::byte byte[1];
    const auto began = processor_time();
    {
        const std::jthread echo([&e = b] {
            std::byte echoed[1];
            while (e.recv_into(echoed) == 1 && echoed[0] != std::byte{'.'})
                e.send(std::span(echoed));
        });
        for (int i = 0; i < 2000; ++i) {
            a.send("x");
            a.recv_into(byte);
        }
        a.send(".");
    }
    const auto busy = processor_time();
    for (int i = 0; i < 8; ++i) {
        error_code ec;
        a.recv_into(byte, 50ms, ec);
        CHECK(ec == errc::timed_out);
    }
    CHECK(busy > began);
    CHECK(processor_time() - busy < 100ms); // of 400
}
