// Bad use and bad peers: typed errors, and a stream that is as it was.

#include "support/raw_link.hpp"
#include "support/test.hpp"

// ---- lengths ----

TEST_CASE("misuse: a length beyond all memory waits for its bytes instead of allocating them")
{
    raw_link w;
    write_all(w.peer.get(), "abc");
    for (const std::size_t size : {static_cast<std::size_t>(PTRDIFF_MAX), std::size_t{1} << 45}) {
        try {
            w.mine.recv(size, deadline::now());
            FAIL("received");
        } catch (const timeout_error& e) {
            CHECK(e.transferred() == 3);
            CHECK(e.data().text() == "abc");
        }
    }
    w.peer.reset();
    CHECK(code_of([&] { w.mine.recv(std::size_t{1} << 45, timeout); }) == errc::truncated);
    CHECK(w.mine.recv(3, timeout).text() == "abc");
}

TEST_CASE("misuse: receiving nothing succeeds at once")
{
    raw_link w;
    CHECK(w.mine.recv(0, deadline::now()).empty());
    CHECK(w.mine.recv_into({}, deadline::now()) == 0);
    CHECK(run(w.mine.async_recv(0)).empty());
    w.peer.reset();
    CHECK(w.mine.recv(0, deadline::now()).empty()); // also at the end
}

// ---- separators ----

TEST_CASE("misuse: an empty separator is an error and takes nothing")
{
    raw_link w;
    write_all(w.peer.get(), "abc\n");
    CHECK(code_of([&] { w.mine.recv_until("", timeout); }) == errc::invalid_argument);
    CHECK(code_of([&] { w.mine.recv_line("", timeout); }) == errc::invalid_argument);
    error_code ec;
    CHECK(w.mine.recv_until("", timeout, ec).empty());
    CHECK(ec == errc::invalid_argument);
    CHECK(code_of([&] { run(w.mine.async_recv_until("")); }) == errc::invalid_argument);
    CHECK(w.mine.recv_line(timeout).text() == "abc");
}

TEST_CASE("recv_until: the first of several separators that ends is found, and of those the longest")
{
    raw_link w;
    const auto next = [&](const std::string& text) {
        write_all(w.peer.get(), text);
        return w.mine.recv_until({"\r\n", "\n", "> "}, timeout);
    };
    CHECK(next("a\r\nb\n").text() == "a\r\n");
    CHECK(next("").text() == "b\n");
    CHECK(next("> \n").text() == "> ");
    CHECK(next("").text() == "\n");

    // A separator may come in two pieces, and what was searched for one set is not taken for searched for another.
    write_all(w.peer.get(), "prompt>");
    CHECK(code_of([&] { w.mine.recv_until({"\n", "> "}, deadline::now()); }) == errc::timed_out);
    CHECK(code_of([&] { w.mine.recv_until("\n", deadline::now()); }) == errc::timed_out);
    CHECK(next(" x\r").text() == "prompt> ");
    write_all(w.peer.get(), "\n");
    CHECK(w.mine.recv_line({"\n", "\r\n"}, timeout).text() == "x");

    error_code ec;
    write_all(w.peer.get(), "1;2,3;");
    CHECK(w.mine.recv_until({",", ";"}, timeout, ec).text() == "1;");
    CHECK(run(w.mine.async_recv_until({",", ";"})).text() == "2,");
    const std::vector<std::string> many(20, ";");
    CHECK(run(w.mine.async_recv_line(many, timeout)).text() == "3");
    for (const auto& call : {std::function([&] { w.mine.recv_until({}, timeout); }),
                             std::function([&] { w.mine.recv_until({"\n", ""}, timeout); })})
        CHECK(code_of(call) == errc::invalid_argument);
}

TEST_CASE("misuse: the limit of recv_until is inclusive and does not count the separator")
{
    auto raw = raw_stream_pair();
    duplex in(adopt(raw.first.release()), limits(4));
    const auto peer = raw.second.get();

    write_all(peer, "abcd\n");
    CHECK(in.recv_until("\n", timeout).text() == "abcd\n");
    write_all(peer, "abcd\n");
    CHECK(in.recv_line(timeout).text() == "abcd");
    write_all(peer, "abcd\r\n");
    CHECK(in.recv_until("\r\n", timeout).text() == "abcd\r\n");

    write_all(peer, "abcde\n");
    CHECK(code_of([&] { in.recv_until("\n", timeout); }) == errc::too_large);
    CHECK(code_of([&] { in.recv_line(timeout); }) == errc::too_large); // again
    CHECK(code_of([&] { run(in.async_recv_line()); }) == errc::too_large);
    CHECK(in.recv(6, timeout).text() == "abcde\n"); // it is all there

    write_all(peer, "abcde\r\n");
    CHECK(code_of([&] { in.recv_until("\r\n", timeout); }) == errc::too_large);
    CHECK(in.recv(7, timeout).text() == "abcde\r\n");

    // Refused before the separator arrives, as soon as none can come in time, and not before that.
    write_all(peer, "abcd");
    CHECK(code_of([&] { in.recv_line(deadline::now()); }) == errc::timed_out);
    write_all(peer, "e");
    CHECK(code_of([&] { in.recv_line(timeout); }) == errc::too_large);
    CHECK(in.recv(5, timeout).text() == "abcde");
    write_all(peer, "abcd\r");
    CHECK(code_of([&] { in.recv_line("\r\n", deadline::now()); }) == errc::timed_out);
    write_all(peer, "\n");
    CHECK(in.recv_line("\r\n", timeout).text() == "abcd");
    write_all(peer, "abcdef");
    CHECK(code_of([&] { in.recv_line("\r\n", timeout); }) == errc::too_large);
}

TEST_CASE("misuse: the limit of recv_all is inclusive")
{
    for (const std::string data : {"abcd", "abcde"}) {
        auto raw = raw_stream_pair();
        duplex in(adopt(raw.first.release()), limits(4));
        write_all(raw.second.get(), data);
        raw.second.reset();
        if (data.size() == 4)
            CHECK(in.recv_all(timeout).text() == data);
        else {
            CHECK(code_of([&] { in.recv_all(timeout); }) == errc::too_large);
            CHECK(code_of([&] { in.recv_all(timeout); }) == errc::too_large);
            CHECK(in.recv(5, timeout).text() == data);
        }
    }
}
