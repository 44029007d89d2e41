// limited and progress.
#include <ferrule/framing/json.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/limited.hpp>
#include <ferrule/framing/progress.hpp>

#include "support/test.hpp"

static_assert(byte_framing<limited<varint>>);
static_assert(byte_framing<progress<limited<varint>>>);
static_assert(typed_framing<progress<limited<json_lines<>>>>);

TEST_CASE("limited: the lower of two limits holds, in both directions")
{
    auto [a, b] = socketpair(limited<varint>(10));
    CHECK_THROWS_AS(a.send("eleven byte"), frame_error);
    a.send("ten  bytes");
    CHECK(b.recv() == byte_view("ten  bytes"));
    a.with(varint()).send("eleven byte");
    error_code ec;
    (void)b.recv({}, ec);
    CHECK(ec == errc::too_large);
    CHECK(b.with(varint()).recv() == byte_view("eleven byte"));

    encoded e;
    const byte_view four = "four";
    CHECK(limited<varint>(10).encode(std::span(&four, 1), limits(3), e) == errc::too_large);
}
