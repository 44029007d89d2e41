#include <ferrule/framing/fixed_size.hpp>

#include "support/test.hpp"

TEST_CASE("fixed_size: each message is so many bytes, and nothing else is sent")
{
    CHECK(frame_of(fixed_size<3>(), "abc") == "abc");
    CHECK(fixed_size<3>().decode("ab", {}).needed() == 1);
    CHECK(fixed_size<>(3).decode("abcd", {}).payload() == 3);
    error_code ec;
    (void)frame_of(fixed_size<3>(), "ab", {}, ec);
    CHECK(ec == errc::unencodable);
}

TEST_CASE("fixed_size: a size above the limit is refused in both directions, and a size of none where it is given")
{
    error_code ec;
    (void)frame_of(fixed_size<3>(), "abc", limits(2), ec);
    CHECK(ec == errc::too_large);
    CHECK(fixed_size<3>().decode("", limits(2)).error() == errc::too_large);
    CHECK_THROWS_AS(fixed_size<>(0), usage_error);
}
