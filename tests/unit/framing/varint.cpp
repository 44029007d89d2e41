
#include "support/test.hpp"

using outcome = decode_status;

namespace {

const limits unlimited(SIZE_MAX);

struct vector {
    std::uint64_t length;
    const char* header;
};
// SQLite4's own and the neighbours of every boundary.
const vector vectors[] = {
    {0, "00"},
    {1, "01"},
    {239, "EF"},
    {240, "F0"},
    {241, "F101"},
    {495, "F1FF"},
    {496, "F200"},
    {2287, "F8FF"},
    {2288, "F90000"},
    {2289, "F90001"},
    {67823, "F9FFFF"},
    {67824, "FA0108F0"},
    {(1ull << 24) - 1, "FAFFFFFF"},
    {1ull << 24, "FB01000000"},
    {(1ull << 32) - 1, "FBFFFFFFFF"},
    {1ull << 32, "FC0100000000"},
    {(1ull << 40) - 1, "FCFFFFFFFFFF"},
    {1ull << 40, "FD010000000000"},
    {(1ull << 48) - 1, "FDFFFFFFFFFFFF"},
    {1ull << 48, "FE01000000000000"},
    {(1ull << 56) - 1, "FEFFFFFFFFFFFFFF"},
    {1ull << 56, "FF0100000000000000"},
    {(1ull << 63) - 1, "FF7FFFFFFFFFFFFFFF"},
    {1ull << 63, "FF8000000000000000"},
    {UINT64_MAX - 9, "FFFFFFFFFFFFFFFFF6"},
    {UINT64_MAX, "FFFFFFFFFFFFFFFFFF"},
};

} // namespace

static_assert(byte_framing<varint>);

TEST_CASE("varint: headers are encoded as specified")
{
    for (const vector& v : vectors) {
        CAPTURE(v.length, v.header);
        encoded e;
        const byte_view payload = untouchable(v.length);
        REQUIRE(!varint().encode(std::span(&payload, 1), unlimited, e));
        CHECK(to_hex(e.part(0)) == to_hex(from_hex(v.header)));
        CHECK(e.parts() == (v.length == 0 ? 1 : 2));
        if (v.length != 0) {
            CHECK(e.part(1).data() == payload.data()); // not copied
            CHECK(e.part(1).size() == v.length);
        }
    }
}

TEST_CASE("varint: headers are decoded as specified")
{
    for (const vector& v : vectors) {
        CAPTURE(v.length, v.header);
        const std::string header = from_hex(v.header);
        const decode_result r = varint().decode(header, unlimited);
        if (v.length == 0) {
            CHECK(r.status() == outcome::frame);
            CHECK(r.header() == 1);
            CHECK(r.payload() == 0);
        } else if (v.length > SIZE_MAX - header.size()) {
            CHECK(r.status() == outcome::failed); // header and payload together cannot be counted
            CHECK(r.error() == errc::too_large);
        } else {
            CHECK(r.status() == outcome::need_more);
            CHECK(r.needed() == v.length);
        }
    }
}

TEST_CASE("varint: asks for exactly the bytes that are missing, wherever the input is cut")
{
    for (const std::size_t length : {0u, 1u, 240u, 241u, 2287u, 2288u, 67823u, 67824u}) {
        CAPTURE(length);
        const std::string payload(length, 'p');
        const std::string frame = frame_of(varint(), payload);
        const std::size_t header = frame.size() - length;
        for (std::size_t cut = 0; cut <= frame.size(); cut += cut < header + 3 || cut + 3 > frame.size() ? 1u : 997u) {
            CAPTURE(cut);
            const decode_result r = varint().decode(byte_view(frame).first(cut), unlimited);
            if (cut == frame.size()) {
                REQUIRE(r.status() == outcome::frame);
                REQUIRE(r.header() == header);
                REQUIRE(r.payload() == length);
                REQUIRE(r.trailer() == 0);
            } else {
                REQUIRE(r.status() == outcome::need_more);
                // Before the first byte nothing is known, then the size of the header, then everything.
                REQUIRE(r.needed() == (cut == 0 ? 1u : cut < header ? header - cut : frame.size() - cut));
            }
        }
    }
}

TEST_CASE("varint: every length up to 70000 survives a round trip")
{
    std::string payload;
    for (std::size_t length = 0; length <= 70000; length += length < 3000 ? 1u : 61u) {
        payload.resize(length, 'p');
        const std::string frame = frame_of(varint(), payload) + "next";
        const decode_result r = varint().decode(frame, unlimited);
        REQUIRE(r.status() == outcome::frame);
        REQUIRE(r.payload() == length);
        REQUIRE(r.header() + r.payload() == frame.size() - 4); // what follows is not touched
    }
}

TEST_CASE("varint: encodings longer than needed are accepted")
{
    for (const char* header :
         {"FA000001", "FB00000001", "FC0000000001", "FD000000000001", "FE00000000000001", "FF0000000000000001"}) {
        CAPTURE(header);
        const std::string frame = from_hex(header) + "x";
        const decode_result r = varint().decode(frame, unlimited);
        REQUIRE(r.status() == outcome::frame);
        CHECK(r.header() == frame.size() - 1);
        CHECK(r.payload() == 1);
    }
    const decode_result zero = varint().decode(from_hex("FF0000000000000000"), unlimited);
    CHECK(zero.status() == outcome::frame);
    CHECK(zero.payload() == 0);
}

TEST_CASE("varint: limits are inclusive on both sides")
{
    for (const std::size_t most : {0u, 1u, 239u, 240u, 241u, 2287u, 2288u, 67823u, 67824u, 1u << 24}) {
        CAPTURE(most);
        const limits l(most);
        error_code ec;
        const std::string fits = frame_of(varint(), std::string(most, 'p'), l, ec);
        CHECK(!ec);
        CHECK(varint().decode(fits, l).status() == outcome::frame);

        const std::string over = frame_of(varint(), std::string(most + 1, 'p'), l, ec);
        CHECK(ec == errc::too_large);
        CHECK(over.empty()); // nothing to send
        // Refused as soon as the header has arrived.
        const std::string header = frame_of(varint(), std::string(most + 1, 'p')).substr(0, 9);
        const decode_result r = varint().decode(header, l);
        CHECK(r.status() == outcome::failed);
        CHECK(r.error() == errc::too_large);
    }
}

TEST_CASE("varint: a refused header stays refused")
{
    const limits l(10);
    const std::string bad = from_hex("F101") + std::string(241, 'p');
    for (std::size_t n = 2; n <= bad.size(); ++n)
        REQUIRE(varint().decode(byte_view(bad).first(n), l).error() == errc::too_large);
}

TEST_CASE("varint: hostile lengths are refused, not computed with")
{
    for (const char* header : {"FFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFF8", "FF8000000000000000"}) {
        CAPTURE(header);
        CHECK(varint().decode(from_hex(header), limits()).error() == errc::too_large);
        CHECK(varint().decode(from_hex(header) + std::string(100, 'p'), limits()).error() == errc::too_large);
    }
    // Even where the limit allows it, header and payload must be countable: 2⁶⁴−1 and 2⁶⁴−8.
    CHECK(varint().decode(from_hex("FFFFFFFFFFFFFFFFFF"), unlimited).error() == errc::too_large);
    CHECK(varint().decode(from_hex("FFFFFFFFFFFFFFFFF8"), unlimited).error() == errc::too_large);
}

TEST_CASE("varint: a payload in several pieces is one frame")
{
    const std::string a(200, 'a');
    const std::string b(41, 'b');
    const byte_view pieces[] = {a, "", b, ""};
    encoded e;
    REQUIRE(!varint().encode(pieces, unlimited, e));
    CHECK(flat(e) == from_hex("F101") + a + b);
    CHECK(e.size() == 243);
    encoded nothing;
    REQUIRE(!varint().encode({}, unlimited, nothing));
    CHECK(flat(nothing) == std::string(1, '\0'));
}

TEST_CASE("varint: pieces whose sizes overflow together are refused")
{
    const byte_view pieces[] = {untouchable(SIZE_MAX - 1), untouchable(2)};
    encoded e;
    CHECK(varint().encode(pieces, unlimited, e) == errc::too_large);
    CHECK(e.size() == 0);
    const byte_view more[] = {untouchable(6), untouchable(5)};
    CHECK(varint().encode(more, limits(10), e) == errc::too_large);
    CHECK(e.size() == 0);
    CHECK(!varint().encode(more, limits(11), e));
}
