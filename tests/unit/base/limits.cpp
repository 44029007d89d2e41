
#include "support/test.hpp"

static_assert(limits().max_payload() == std::size_t{64} << 20);
static_assert(limits(7).max_payload() == 7);

TEST_CASE("limits: the largest payload is inclusive, on arrival and when sent")
{
    error_code ec;
    (void)frame_of(varint(), "1234567", limits(7), ec);
    CHECK(!ec);
    (void)frame_of(varint(), "12345678", limits(7), ec);
    CHECK(ec == errc::too_large);
    CHECK(varint().decode(from_hex("07"), limits(7)).status() == decode_status::need_more);
    CHECK(varint().decode(from_hex("08"), limits(7)).error() == errc::too_large);
}
