
#include "support/test.hpp"

using outcome = decode_status;

static_assert(byte_framing<none>);

TEST_CASE("none: whatever has arrived is a message")
{
    CHECK(none().decode({}, limits()).status() == outcome::need_more);
    CHECK(none().decode({}, limits()).needed() == 1);
    for (const std::size_t n : {1u, 2u, 1000u}) {
        const decode_result r = none().decode(std::string(n, 'x'), limits());
        REQUIRE(r.status() == outcome::frame);
        CHECK(r.header() == 0);
        CHECK(r.payload() == n);
        CHECK(r.trailer() == 0);
    }
}

TEST_CASE("none: nothing is added to what is sent")
{
    CHECK(frame_of(none(), "abc") == "abc");
    CHECK(frame_of(none(), "").empty());
    const byte_view pieces[] = {"a", "", "bc"};
    encoded e;
    REQUIRE(!none().encode(pieces, limits(), e));
    CHECK(flat(e) == "abc");
}

TEST_CASE("none: no message is larger than the limit")
{
    const decode_result r = none().decode("abcdef", limits(4));
    REQUIRE(r.status() == outcome::frame);
    CHECK(r.payload() == 4); // the rest is the next message
    CHECK(none().decode("abcd", limits(4)).payload() == 4);
    CHECK(none().decode("a", limits(0)).error() == errc::too_large);
    CHECK(none().decode({}, limits(0)).status() == outcome::need_more);

    error_code ec;
    CHECK(frame_of(none(), "abcd", limits(4), ec) == "abcd");
    CHECK(!ec);
    CHECK(frame_of(none(), "abcde", limits(4), ec).empty());
    CHECK(ec == errc::too_large);
}
