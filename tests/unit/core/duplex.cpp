
#include "support/test.hpp"

TEST_CASE("duplex: a reader and a writer become one end, which both closes")
{
    auto [in, theirs_out] = pipe();
    auto [theirs_in, out] = pipe();
    duplex both(std::move(in), std::move(out));
    both.send("question", timeout);
    CHECK(theirs_in.recv(8, timeout).text() == "question");
    theirs_out.send("answer", timeout);
    CHECK(both.recv(6, timeout).text() == "answer");
    both.close();
    CHECK_THROWS_AS(theirs_in.recv(timeout), eof_error);
}

TEST_CASE("duplex: two ends are not joined where bytes would be lost, and stay as they were")
{
    auto [in, theirs_out] = pipe();
    auto [theirs_in, out] = pipe();
    auto [a, b] = socketpair();
    const std::string large(16'000'000, 'x');
    error_code ec;
    (void)a.send(large, deadline::now(), ec);
    const std::size_t unsent = a.unsent();
    REQUIRE(unsent != 0);
    CHECK(code_of([&, &w = out] { duplex(reader(a), w); }) == errc::torn);
    CHECK(a.unsent() == unsent);

    b.send("read ahead", timeout);
    CHECK(a.recv(5, timeout) == byte_view("read "));
    CHECK(code_of([&, &r = in] { duplex(r, writer(a)); }) == errc::read_ahead);
    CHECK(a.recv(5, timeout) == byte_view("ahead"));
}

TEST_CASE("duplex: its halves share it")
{
    auto [a, b] = socketpair();
    reader r = a;
    writer w = a;
    w.send("ping", timeout);
    CHECK(b.recv(4, timeout).text() == "ping");
    b.send("pong", timeout);
    CHECK(r.recv(4, timeout).text() == "pong");
    a.close();
    CHECK(!r.is_open());
    CHECK(!w.is_open());
}
