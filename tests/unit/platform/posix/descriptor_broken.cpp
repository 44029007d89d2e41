// A connection that has broken is not one that the peer has ended, however often one looks.
#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

namespace {

void stays_broken(duplex& d)
{
    for (int i = 0; i < 2; ++i) {
        CHECK(code_of([&] { (void)d.recv(timeout); }) == condition::broken);
        CHECK(code_of([&] { (void)run(d.async_recv(timeout)); }) == condition::broken);
    }
}

} // namespace

TEST_CASE("descriptor: a reset is reported after the bytes before it, and again by every later read")
{
    auto [ours, theirs] = raw_tcp_pair();
    duplex d(adopt(ours.release()));
    write_all(theirs.get(), "before");
    CHECK(d.recv(3, timeout) == byte_view("bef")); // all of it has been read
    reset_when_closed(theirs.get());
    theirs.reset();
    CHECK(d.recv(timeout) == byte_view("ore"));
    stays_broken(d);
    CHECK(code_of([&] { (void)d.recv(4, timeout); }) == condition::broken);
    CHECK(code_of([&] { (void)d.recv_all(timeout); }) == condition::broken);
    CHECK(code_of([&] { (void)d.next_line(timeout); }) == condition::broken);
}

TEST_CASE("descriptor: a reset that a send is told of is no clean end for whoever receives")
{
    auto [ours, theirs] = raw_tcp_pair();
    duplex d(adopt(ours.release()));
    reset_when_closed(theirs.get());
    theirs.reset();
    error_code ec;
    while (!ec)
        d.send("x", timeout, ec);
    CHECK(ec == condition::broken);
    stays_broken(d);
    for (int i = 0; i < 2; ++i)
        CHECK(code_of([&] { d.send("x", timeout); }) == condition::broken);
}

TEST_CASE("descriptor: a unix peer that has left bytes unread has broken the connection for good")
{
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        auto [ours, theirs] = raw_socketpair(type);
        duplex d(adopt(ours.release()));
        d.send("unread", timeout);
        theirs.reset();
        stays_broken(d);
    }
}

TEST_CASE("descriptor: the end of a peer stays clean, whatever becomes of sends")
{
    for (const bool tcp : {false, true}) {
        auto [ours, theirs] = tcp ? raw_tcp_pair() : raw_socketpair(SOCK_STREAM);
        duplex d(adopt(ours.release()));
        write_all(theirs.get(), "last");
        theirs.reset();
        CHECK(d.recv(1, timeout) == byte_view("l")); // the end has arrived, too
        error_code ec;
        while (!ec)
            d.send("x", timeout, ec);
        CHECK(ec == condition::broken);
        CHECK(d.recv_all(timeout) == byte_view("ast"));
        for (int i = 0; i < 2; ++i)
            CHECK(code_of([&] { (void)d.recv(timeout); }) == errc::end_of_stream);
    }
}
