#include <ferrule/framing/leb128.hpp>

#include "support/test.hpp"

TEST_CASE("leb128: lengths are seven bits per byte, the lowest first")
{
    CHECK(to_hex(frame_of(leb128(), "")) == "00");
    CHECK(to_hex(frame_of(leb128(), "abc")) == "03616263");
    CHECK(to_hex(frame_of(leb128(), std::string(300, 'x'))).starts_with("ac02"));
    const decode_result r = leb128().decode(from_hex("ac02"), {});
    CHECK(r.status() == decode_status::need_more);
    CHECK(r.needed() == 300);
}

TEST_CASE("leb128: a length of 2^64 or more is malformed, a longer form of a small one is not")
{
    CHECK(leb128().decode(from_hex("ffffffffffffffffff02"), limits(SIZE_MAX)).error() == errc::malformed);
    CHECK(leb128().decode(from_hex("ffffffffffffffffffff"), limits(SIZE_MAX)).error() == errc::malformed);
    CHECK(leb128().decode(from_hex("818000aa"), {}).header() == 3);
}
