// A buffered_writer of which a fork makes a copy.
#include <ferrule/buffered_writer.hpp>

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

TEST_CASE("buffered_writer: a forked child leaves the queue to its parent")
{
    auto [mine, peer] = socketpair();
    asio::io_context context;
    buffered_writer out(context.get_executor(), mine, buffered_writer_options().water_marks(4));
    out.send("once");
    CHECK(in_child([&] {
              if (code_of([&] { out.send("twice"); }) != errc::forked)
                  return 1;
              if (code_of([&] { out.drain(); }) != errc::forked)
                  return 2;
              if (code_of([&] { out.shutdown_send(); }) != errc::forked)
                  return 3;
              out.close();
              out = {};
              return 0;
          }) == 0);
    CHECK_FALSE(out.try_drain());
    context.run();
    CHECK(out.try_drain());
    CHECK(out.unsent() == 0);
    out.close();
    mine.close();
    CHECK(peer.recv_all(timeout).text() == "once");
}
