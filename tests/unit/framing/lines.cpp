#include <ferrule/framing/delimited.hpp>
#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/nul.hpp>

#include "support/test.hpp"

using outcome = decode_status;

TEST_CASE("lines: the end of line can be another for one call")
{
    auto [a, b] = socketpair(lines());
    a.send("one");
    a.with(lines("\r")).send("two");
    a.with(lines("\r\n")).send("three");
    a.send("four");
    CHECK(b.recv() == byte_view("one"));
    CHECK(b.with(lines("\r")).recv() == byte_view("two"));
    CHECK(b.recv() == byte_view("three"));
    CHECK(b.recv() == byte_view("four"));
}

TEST_CASE("lines: a last line without an end is shown, and can be taken")
{
    auto [a, b] = socketpair(lines());
    writer(a.channel(), limits()).send("whole\npart");
    a.close();
    CHECK(b.recv() == byte_view("whole"));
    try {
        (void)b.recv();
        FAIL("a line without an end");
    } catch (const eof_error& e) {
        CHECK(e.code() == errc::truncated);
        CHECK(e.data() == byte_view("part"));
    }
    CHECK(b.take_partial() == byte_view("part"));
    error_code ec;
    (void)b.recv({}, ec);
    CHECK(ec == errc::end_of_stream);
}
