// P1: ending a read at any step leaves the stream as an uninterrupted reader would have found it. Most of it is in the
// contract suite.
#include "support/test.hpp"

TEST_CASE("P1: take_partial moves the beginning of a frame out")
{
    auto [a, w] = socketpair();
    message_reader<> r{reader(a)};
    w.send("\x05"
           "abc");
    CHECK_THROWS_AS(r.recv(deadline::now()), timeout_error);
    CHECK(r.take_partial() == byte_view("\x05"
                                        "abc"));
    CHECK(r.take_partial().empty());
    w.send("\x02"
           "de");
    CHECK(r.recv() == byte_view("de"));
}
