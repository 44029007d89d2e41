#include <ferrule/framing/slip.hpp>

#include "support/test.hpp"

using outcome = decode_status;

TEST_CASE("slip: END and ESC are escaped, and ENDs enclose the message")
{
    CHECK(to_hex(frame_of(slip(), from_hex("01C0DB02"))) == "c001dbdcdbdd02c0");
    error_code ec;
    (void)frame_of(slip(), "", {}, ec);
    CHECK(ec == errc::unencodable);
}

TEST_CASE("slip: a payload in pieces is one message")
{
    const byte_view pieces[] = {"a", byte_view(std::string_view("\xc0")), "", "b"};
    encoded e;
    REQUIRE_FALSE(slip().encode(pieces, limits(4), e));
    CHECK(to_hex(flat(e)) == "c061dbdc62c0");
    encoded none;
    CHECK(slip().encode(pieces, limits(2), none) == errc::too_large);
}

TEST_CASE("slip: an ESC that nothing may follow makes a frame noise")
{
    for (const char* const frame : {"DB61C0", "61DBC0", "C061DBDBC0", "DBDCDBC0"}) {
        CAPTURE(frame);
        slip f;
        const std::string text = from_hex(frame);
        const decode_result r = f.decode(text, {});
        CHECK(r.status() == outcome::skip);
        CHECK(r.size() == text.size());
        CHECK_THROWS_AS(f.load(bytes(byte_view(text).first(text.size() - 1))), frame_error);
        CHECK_THROWS_AS(f.load(bytes(byte_view("\xc0"))), frame_error);
    }
}

TEST_CASE("slip: ENDs between frames do not fill the memory")
{
    slip f;
    std::string fill;
    std::size_t dropped = 0;
    for (int i = 0; i < 100'000; ++i) {
        fill += '\xc0';
        const decode_result r = f.decode(fill, {});
        if (r.status() != outcome::skip)
            continue;
        dropped += r.size();
        fill.erase(0, r.size());
    }
    CHECK(fill.size() < 1000);
    CHECK(dropped + fill.size() == 100'000);
    const decode_result r = f.decode(fill + "a\xc0", {});
    CHECK(r.status() == outcome::frame);
    CHECK(r.payload() == 1);
}

TEST_CASE("slip: the limit bounds a message that has not ended, without its escapes")
{
    std::string text;
    for (int i = 0; i < 100; ++i)
        text += "\xdb\xdc";
    CHECK(slip().decode(text, limits(100)).status() == outcome::need_more);
    CHECK(slip().decode(text, limits(99)).error() == errc::too_large);
    slip piecewise;
    error_code ec;
    for (std::size_t n = 1; n <= text.size() && !ec; ++n)
        ec = piecewise.decode(byte_view(text).first(n), limits(50)).error();
    CHECK(ec == errc::too_large);
}
