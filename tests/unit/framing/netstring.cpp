#include <ferrule/framing/netstring.hpp>

#include "support/test.hpp"

TEST_CASE("netstring: frames are as in D. J. Bernstein's examples")
{
    CHECK(frame_of(netstring(), "hello world!") == "12:hello world!,");
    CHECK(frame_of(netstring(), "") == "0:,");
    const decode_result r = netstring().decode("12:hello world!,more", {});
    CHECK(r.status() == decode_status::frame);
    CHECK(r.header() == 3);
    CHECK(r.payload() == 12);
    CHECK(r.trailer() == 1);
}

TEST_CASE("netstring: a leading zero, a missing comma and a length that is none are malformed")
{
    for (const char* frame : {"01:a,", "1:ab", "x:", ":", "-1:"}) {
        CAPTURE(frame);
        CHECK(netstring().decode(frame, {}).error() == errc::malformed);
    }
}
