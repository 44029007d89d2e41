#include "src/core/spin.hpp"

#include "support/test.hpp"

#include <ctime>

using detail::spin;

namespace {

using duration = std::chrono::nanoseconds;

// A receiver, in simulated time.
class receiver {
public:
    static constexpr duration wakeup = 30us;    // of a core that sleeps
    static constexpr duration sleep_cost = 5us; // of processor time, to go to sleep and wake up
    static constexpr duration look = 500ns;

    // Waits for a message that comes at that time, and takes it.
    void receive(spin::time_point comes)
    {
        ++messages;
        if (now >= comes) { // without a wait
            received += 8;
            return;
        }
        const auto began = now;
        bool looked = false;
        while (s.look(now, received)) {
            looked = true;
            now += look;
            busy += look;
            if (now >= comes)
                break;
        }
        looks += looked;
        if (now < comes) {
            now = comes + wakeup;
            busy += sleep_cost;
            s.done();
        }
        waited += now - began;
        received += 8;
        s.done();
    }

    spin s;
    spin::time_point now{1s};
    std::uint64_t received = 0;
    int messages = 0;
    int looks = 0; // waits that began with them
    duration busy{0};
    duration waited{0};
};

// The peer sends whenever so much time has passed.
receiver stream(duration gap, int messages)
{
    receiver r;
    for (auto comes = r.now + gap; r.messages < messages; comes += gap)
        r.receive(comes);
    return r;
}

// The peer answers so long after it was asked.
void converse(receiver& r, duration distance, int messages)
{
    for (int i = 0; i < messages; ++i)
        r.receive(r.now + distance);
}

std::chrono::nanoseconds processor_time()
{
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

} // namespace

TEST_CASE("spin: a stream whose sender sets the pace costs no more than half again the processor time of sleeping")
{
    for (const duration gap :
         {10us, 20us, 35us, 40us, 45us, 60us, 80us, 100us, 150us, 200us, 400us, 1'000us, 100'000us}) {
        for (const int messages : {50, 1'000, 100'000}) {
            const receiver r = stream(gap, messages);
            CAPTURE(gap.count(), messages, r.looks);
            CHECK(r.busy <= r.messages * receiver::sleep_cost * 3 / 2 + spin::trial * spin::max_look); // a first trial
        }
    }
    CHECK(stream(40us, 1'000'000).busy <= 1'000'000 * receiver::sleep_cost * 101 / 100); // trials become rare
}

TEST_CASE("spin: a conversation with a quick peer is looked for, with a slow one not, and is never slower")
{
    for (const duration distance : {1us, 5us, 20us, 45us, 60us, 70us, 100us, 200us, 10'000us}) {
        receiver r;
        converse(r, distance, 20'000);
        const duration asleep = 20'000 * (distance + receiver::wakeup);
        CAPTURE(distance.count(), r.looks);
        if (distance < spin::max_look) {
            CHECK(r.looks > 19'000);
            CHECK(r.waited < 20'000 * distance + asleep / 20 + 20'000 * receiver::look);
        } else {
            CHECK(r.looks < 20'000 / 20);
            CHECK(r.waited <= asleep);
            CHECK(r.busy <= 20'000 * receiver::sleep_cost * 3 / 2);
        }
    }
}

TEST_CASE("spin: what is looked for changes with the traffic")
{
    receiver r;
    converse(r, 3us, 10'000);
    int looks = r.looks;
    CHECK(looks > 9'000);
    converse(r, 200us, 1'000);                                         // each trial ends after a few looks in vain
    CHECK(r.looks - looks <= 5 * static_cast<int>(spin::max_in_vain)); // trials included
    looks = r.looks;
    converse(r, 3us, 10'000); // found out soon
    CHECK(r.looks - looks > 9'000);
    // As a stream, it sets its own pace: looking brings nothing any more.
    const auto busy = r.busy;
    looks = r.looks;
    auto comes = r.now;
    for (int i = 0; i < 100'000; ++i)
        r.receive(comes += 40us);
    CHECK(r.looks - looks < 2'000);
    CHECK(r.busy - busy <= 100'000 * receiver::sleep_cost * 3 / 2);
}

TEST_CASE("spin: a silence within a conversation costs one look, and is no reason to give up")
{
    receiver r;
    converse(r, 3us, 10'000);
    for (int i = 0; i < 100; ++i) {
        const int looks = r.looks;
        converse(r, 1s, 1);
        CHECK(r.looks - looks <= 1);
        converse(r, 3us, 100);
        CHECK(r.looks - looks > 90 - 2 * static_cast<int>(spin::window));
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
