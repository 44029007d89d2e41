#include <ferrule/framing/length_prefix.hpp>

#include "support/test.hpp"

#include <bit>

TEST_CASE("length_prefix: the length has the size and the byte order that its type says")
{
    CHECK(to_hex(frame_of(length_prefix<std::uint8_t>(), "ab")) == "026162");
    CHECK(to_hex(frame_of(length_prefix<std::uint16_t>(), "ab")) == "00026162");
    CHECK(to_hex(frame_of(length_prefix<std::uint32_t, std::endian::little>(), "ab")) == "020000006162");
    const decode_result r = length_prefix<std::uint32_t, std::endian::little>().decode(from_hex("020000006162ff"), {});
    CHECK(r.status() == decode_status::frame);
    CHECK(r.header() == 4);
    CHECK(r.payload() == 2);
}

TEST_CASE("length_prefix: what its integer cannot say is not sent")
{
    error_code ec;
    (void)frame_of(length_prefix<std::uint8_t>(), std::string(255, 'x'), {}, ec);
    CHECK(!ec);
    (void)frame_of(length_prefix<std::uint8_t>(), std::string(256, 'x'), {}, ec);
    CHECK(ec == errc::too_large);
}
