
#include "support/test.hpp"

using outcome = decode_status;
using mp = multiprocessing_bytes;

namespace {
const limits unlimited(SIZE_MAX);
} // namespace

static_assert(byte_framing<mp>);

TEST_CASE("multiprocessing_bytes: frames are the bytes that CPython sends")
{
    CHECK(to_hex(frame_of(mp(), "")) == "00000000");
    CHECK(to_hex(frame_of(mp(), "abc")) == "00000003616263");
    CHECK(to_hex(frame_of(mp(), from_hex("80044e2e"))) == "0000000480044e2e"); // send(None)
}

TEST_CASE("multiprocessing_bytes: the short form is used up to 2^31-1 bytes, then the long form")
{
    struct {
        std::uint64_t length;
        const char* header;
    } const vectors[] = {
        {1, "00000001"},
        {16384, "00004000"},
        {0x7ffffffe, "7ffffffe"},
        {0x7fffffff, "7fffffff"},
        {0x80000000, "ffffffff0000000080000000"},
        {0x80000005, "ffffffff0000000080000005"},
        {0xffffffff, "ffffffff00000000ffffffff"},
        {1ull << 40, "ffffffff0000010000000000"},
        {UINT64_MAX, "ffffffffffffffffffffffff"},
    };
    for (const auto& v : vectors) {
        CAPTURE(v.length);
        encoded e;
        const byte_view payload = untouchable(v.length);
        REQUIRE(!mp().encode(std::span(&payload, 1), unlimited, e));
        CHECK(to_hex(e.part(0)) == v.header);
        CHECK(e.part(1).data() == payload.data());
        CHECK(e.part(1).size() == v.length);

        const decode_result r = mp().decode(from_hex(v.header), unlimited);
        if (v.length > SIZE_MAX - 12)
            CHECK(r.error() == errc::too_large);
        else {
            CHECK(r.status() == outcome::need_more);
            CHECK(r.needed() == v.length);
        }
    }
}

TEST_CASE("multiprocessing_bytes: the long form is accepted for small and zero lengths")
{
    const std::string small = from_hex("ffffffff 0000000000000003") + "xyz" + "next";
    const decode_result r = mp().decode(small, unlimited);
    REQUIRE(r.status() == outcome::frame);
    CHECK(r.header() == 12);
    CHECK(r.payload() == 3);
    const decode_result zero = mp().decode(from_hex("ffffffff 0000000000000000"), unlimited);
    REQUIRE(zero.status() == outcome::frame);
    CHECK(zero.header() == 12);
    CHECK(zero.payload() == 0);
}

TEST_CASE("multiprocessing_bytes: negative lengths other than -1 are malformed")
{
    for (const char* header : {"fffffffe", "fffffffd", "80000000", "80000001", "ffff0000", "c0000000"}) {
        CAPTURE(header);
        const decode_result r = mp().decode(from_hex(header), unlimited);
        REQUIRE(r.status() == outcome::failed);
        CHECK(r.error() == errc::malformed);
        CHECK(mp().decode(from_hex(header) + std::string(100, 'x'), unlimited).error() == errc::malformed);
    }
}

TEST_CASE("multiprocessing_bytes: asks for exactly the bytes that are missing, wherever the input is cut")
{
    for (const std::size_t length : {0u, 1u, 5u, 1000u}) {
        for (const bool long_form : {false, true}) {
            CAPTURE(length, long_form);
            std::string header = frame_of(mp(), std::string(length, 'p')).substr(0, 4);
            if (long_form)
                header = from_hex("ffffffff 00000000") + header;
            const std::string frame = header + std::string(length, 'p');
            for (std::size_t cut = 0; cut < frame.size(); ++cut) {
                CAPTURE(cut);
                const decode_result r = mp().decode(byte_view(frame).first(cut), unlimited);
                REQUIRE(r.status() == outcome::need_more);
                REQUIRE(r.needed() == (cut < 4               ? 4 - cut
                                       : cut < header.size() ? header.size() - cut
                                                             : frame.size() - cut));
            }
            const decode_result r = mp().decode(frame, unlimited);
            REQUIRE(r.status() == outcome::frame);
            REQUIRE(r.header() == header.size());
            REQUIRE(r.payload() == length);
        }
    }
}

TEST_CASE("multiprocessing_bytes: limits are inclusive on both sides and hold for both forms")
{
    for (const std::size_t most : {0u, 1u, 16384u, 16385u, 1u << 20}) {
        CAPTURE(most);
        const limits l(most);
        error_code ec;
        const std::string fits = frame_of(mp(), std::string(most, 'p'), l, ec);
        CHECK(!ec);
        CHECK(mp().decode(fits, l).status() == outcome::frame);
        CHECK(mp().decode(from_hex("ffffffff00000000") + fits, l).status() == outcome::frame);

        CHECK(frame_of(mp(), std::string(most + 1, 'p'), l, ec).empty());
        CHECK(ec == errc::too_large);
        const std::string header = frame_of(mp(), std::string(most + 1, 'p')).substr(0, 4);
        CHECK(mp().decode(header, l).error() == errc::too_large);
        CHECK(mp().decode(from_hex("ffffffff00000000") + header, l).error() == errc::too_large);
    }
}

TEST_CASE("multiprocessing_bytes: hostile lengths are refused, not computed with")
{
    for (const char* header : {"ffffffff ffffffffffffffff", "ffffffff 8000000000000000", "ffffffff fffffffffffffff4",
                               "7fffffff", "ffffffff 0000400000000000"}) {
        CAPTURE(header);
        CHECK(mp().decode(from_hex(header), limits()).error() == errc::too_large);
    }
    CHECK(mp().decode(from_hex("ffffffff fffffffffffffff4"), unlimited).error() == errc::too_large);
    CHECK(mp().decode(from_hex("ffffffff fffffffffffffff3"), unlimited).status() == outcome::need_more);
}
