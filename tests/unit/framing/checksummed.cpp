#include <ferrule/framing/checksummed.hpp>

#include "support/test.hpp"

#include <ferrule/framing/cobs.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/slip.hpp>

using outcome = decode_status;

TEST_CASE("checksummed: the checksum is behind the message, in the order that was asked for")
{
    // The check values of both CRCs, of "123456789".
    CHECK(to_hex(frame_of(checksummed<length_prefix<u8>>(), "123456789")) == "0d3132333435363738392639f4cb");
    CHECK(to_hex(frame_of(checksummed<length_prefix<u8>, crc_32, std::endian::big>(), "123456789")) ==
          "0d313233343536373839cbf43926");
    CHECK(to_hex(frame_of(checksummed<slip, crc_16_modbus>(), "123456789")) == "c0313233343536373839374bc0");
}

TEST_CASE("checksummed: every damaged bit is noticed")
{
    const std::string message = "a message";
    const auto damage = [&](auto f, outcome expected) {
        const std::string frame = frame_of(f, message);
        for (std::size_t i = 0; i < 8 * frame.size(); ++i) {
            std::string damaged = frame;
            damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
            auto fresh = f;
            const decode_result r = fresh.decode(damaged, {});
            REQUIRE(r.status() != outcome::frame);
            if (i == 8 * 5)
                CHECK(r.status() == expected);
        }
    };
    damage(checksummed<length_prefix<u32>>(), outcome::failed);
    damage(checksummed<slip>(), outcome::skip);
    damage(checksummed<cobs, crc_16_modbus>(), outcome::skip);
}

TEST_CASE("checksummed: a frame that is shorter than its checksum is refused")
{
    checksummed<length_prefix<u8>> f;
    const decode_result r = f.decode(from_hex("03616263"), {});
    CHECK(r.status() == outcome::failed);
    CHECK(r.error() == errc::malformed);
    CHECK_THROWS_AS(f.load(bytes(byte_view("abc"))), frame_error);
}

TEST_CASE("checksummed: the limit is that of the message")
{
    const std::string frame = frame_of(checksummed<cobs>(), "hello");
    CHECK(checksummed<cobs>().decode(frame, limits(5)).status() == outcome::frame);
    CHECK(checksummed<cobs>().decode(frame, limits(4)).error() == errc::too_large);
    error_code ec;
    (void)frame_of(checksummed<cobs>(), "hello", limits(4), ec);
    CHECK(ec == errc::too_large);
    CHECK(frame_of(checksummed<cobs>(), "hello", limits(SIZE_MAX), ec) == frame);
}
