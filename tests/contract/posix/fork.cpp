// After fork: the child uses what was idle, is refused what was in use, and does nothing that the parent could notice.
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

TEST_CASE("fork: a child goes on with an idle endpoint, blocking and with coroutines")
{
    for (const style s : all_styles) {
        INFO(name(s));
        auto [a, b] = socketpair(varint{});
        // Both have been used, from here and from a context, so that everything that a fork copies is there.
        a.send("warm");
        CHECK(recv(s, b, 20s).value == byte_view("warm"));
        a.send("to the child");
        CHECK(in_child([&, &x = a, &y = b] {
                  x.close(); // the child's number only
                  const auto o = recv(s, y, 20s);
                  if (o.error || !(o.value == byte_view("to the child")))
                      return 1;
                  return send(s, y, "from the child", 20s).error ? 2 : 0;
              }) == 0);
        CHECK(a.recv(20s) == byte_view("from the child"));
    }
}

TEST_CASE("fork: a direction that was in use is refused in the child, the other is not")
{
    auto [a, b] = socketpair(varint{});
    asio::io_context context;
    bytes got;
    a.async_recv(asio::bind_executor(context, [&](error_code, bytes m) { got = std::move(m); }));
    context.poll();
    CHECK(in_child([&, &x = a] {
              error_code ec;
              x.recv({}, ec);
              if (ec != errc::forked)
                  return 1;
              x.send("hello", 20s, ec);
              if (ec)
                  return 2;
              x.close();
              return 0;
          }) == 0);
    CHECK(b.recv(20s) == byte_view("hello"));
    // The parent's operation has not noticed.
    b.send("still waiting");
    context.run();
    CHECK(got == byte_view("still waiting"));
}

TEST_CASE("fork: a thread that blocks in the parent is not disturbed by the child")
{
    auto [a, b] = socketpair(varint{});
    bytes got;
    std::jthread blocked([&, d = a]() mutable { got = d.recv(20s); });
    error_code ec;
    do
        a.recv(deadline::now(), ec); // until the thread has the lock
    while (ec != errc::lock_timed_out);
    CHECK(in_child([&, &x = a] {
              error_code e;
              x.recv({}, e);
              if (e != errc::forked)
                  return 1;
              x.close();
              return 0;
          }) == 0);
    b.send("undisturbed");
    blocked.join();
    CHECK(got == byte_view("undisturbed"));
}

TEST_CASE("fork: what the child closes stays open in the parent")
{
    asio::io_context context;
    auto [a, b] = socketpair(varint{});
    int received = 0;
    const auto receive = [&] {
        a.async_recv(asio::bind_executor(context, [&](error_code ec, bytes) { received += ec ? 0 : 1; }));
    };
    receive();
    b.send("1");
    context.run();
    context.restart();
    CHECK(in_child([&, &x = a, &y = b] {
              x.close();
              y.close();
              return 0;
          }) == 0);
    receive();
    context.poll();
    b.send("2");
    context.run();
    CHECK(received == 2);
}

TEST_CASE("fork: a tail that was unsent belongs to both, and the child may drop it")
{
    auto [a, b] = socketpair();
    const bytes large = pattern(4'000'000);
    CHECK_THROWS_AS(a.send(large, deadline::now()), timeout_error);
    CHECK(in_child([&, &x = a] {
              x = duplex(); // destructors do not block and do not send
              return 0;
          }) == 0);
    std::jthread flushing([&, d = a]() mutable { d.flush(20s); });
    CHECK(b.recv(large.size(), 20s) == large);
}
