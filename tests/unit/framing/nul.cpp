#include <ferrule/framing/nul.hpp>

#include "support/test.hpp"

TEST_CASE("nul: messages end with a zero byte, and have none")
{
    CHECK(frame_of(nul(), "ab") == std::string("ab\0", 3));
    nul f;
    const decode_result r = f.decode(byte_view(std::string_view("ab\0c", 4)), {});
    CHECK(r.status() == decode_status::frame);
    CHECK(r.payload() == 2);
    CHECK(r.trailer() == 1);
    error_code ec;
    (void)frame_of(nul(), std::string_view("a\0b", 3), {}, ec);
    CHECK(ec == errc::unencodable);
}
