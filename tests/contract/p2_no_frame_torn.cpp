// P2: an interrupted send put nothing on the wire, or the rest follows before anything else.
#include "src/testing/clogged.hpp"
#include "support/kinds.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

TEST_CASE("P2: a receive that waits already takes over the tail of a send that gives up later")
{
    for (const style s : all_styles) {
        INFO(name(s));
        auto [a, b] = socketpair(varint{});
        const bytes large = pattern(8'000'000);
        std::jthread waiting([&, d = a]() mutable {
            const auto o = recv(s, d, 20s);
            CHECK(o.value == byte_view("reply"));
        });
        // Far more than the socket holds: part of it leaves.
        try {
            a.send(large, 20ms);
            FAIL("nobody reads");
        } catch (const timeout_error& e) {
            REQUIRE(e.in_flight());
        }
        CHECK(b.recv(20s) == large);
        b.send("reply");
    }
}

TEST_CASE("P2: bytes that a send owns become the tail without a copy")
{
    testing::kit::clogged c(kind("socketpair"), 2);
    writer w(c.sender());
    CHECK_THROWS_AS(w.send(bytes(byte_view("abcdef")), deadline::now()), timeout_error);
    w.flush(20s);
    CHECK(reader(c.receiver()).recv(6) == byte_view("abcdef"));
}
