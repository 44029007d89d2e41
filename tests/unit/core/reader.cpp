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

// ---- what asyncio's reader does, and what is decided otherwise; see tests/integration/asyncio_rows.md ----

TEST_CASE("reader: some bytes are what is there up to a size, all bytes are what comes up to the end")
{
    raw_link w;
    duplex in(w.mine.channel(), limits(10));
    write_all(w.peer.get(), "abcdef");
    std::array<std::byte, 4> four{};
    CHECK(in.recv_some_into(four, timeout) == 4);
    CHECK(byte_view(four) == byte_view("abcd"));
    CHECK(run(in.async_recv_some_into(four)) == 2); // it does not wait for more
    CHECK(byte_view(four).first(2) == byte_view("ef"));
    std::array<std::byte, 20> twenty{};
    write_all(w.peer.get(), std::string(20, 'x'));
    CHECK(in.recv_some_into(twenty, timeout) == 20); // the limit is none for it
    write_all(w.peer.get(), "rest");
    CHECK(in.recv(1, timeout) == byte_view("r"));
    w.peer.reset();
    CHECK(in.recv_all(timeout) == byte_view("est"));
    CHECK(in.recv_all(timeout).empty());
    CHECK(run(in.async_recv_all()).empty());
    // An empty result never stands for the end, where at least one byte is asked for.
    CHECK(code_of([&] { in.recv(timeout); }) == errc::end_of_stream);
    CHECK(code_of([&] { in.recv_some_into(four, timeout); }) == errc::end_of_stream);
}

TEST_CASE("reader: exactly n bytes are bounded by no limit, and what an early end cuts off stays")
{
    for (const bool coroutine : {false, true}) {
        raw_link w;
        duplex in(w.mine.channel(), limits(3));
        const auto exactly = [&](std::size_t n) { return coroutine ? run(in.async_recv(n)) : in.recv(n, timeout); };
        write_all(w.peer.get(), "0123456789abc");
        CHECK(exactly(10) == byte_view("0123456789"));
        w.peer.reset();
        for (int i = 0; i < 2; ++i) {
            try {
                exactly(4);
                FAIL("received");
            } catch (const eof_error& e) {
                CHECK(e.code() == errc::truncated);
                CHECK(e.data() == byte_view("abc"));
                CHECK(e.transferred() == 3);
            }
        }
        CHECK(exactly(3) == byte_view("abc"));
        CHECK(code_of([&] { exactly(1); }) == errc::end_of_stream);
    }
}

TEST_CASE("reader: a line or a separator that does not come before the end is an error, and its bytes stay")
{
    for (const bool coroutine : {false, true}) {
        raw_link w;
        duplex& in = w.mine;
        const auto line = [&] { return coroutine ? run(in.async_recv_line()) : in.recv_line(timeout); };
        const auto until_either = [&] {
            return coroutine ? run(in.async_recv_until({";", "\n"})) : in.recv_until({";", "\n"}, timeout);
        };
        write_all(w.peer.get(), "whole\n\nhalf");
        w.peer.reset();
        CHECK(line() == byte_view("whole"));
        CHECK(line().empty()); // a line, and no end
        for (const auto& call : {std::function(line), std::function(until_either)}) {
            try {
                call();
                FAIL("received");
            } catch (const eof_error& e) {
                CHECK(e.code() == errc::truncated);
                CHECK(e.data() == byte_view("half"));
            }
        }
        CHECK(code_of([&] { (void)in.next_line(timeout); }) == errc::truncated);
        CHECK(in.take_partial(timeout) == byte_view("half"));
        CHECK(code_of([&] { line(); }) == errc::end_of_stream);
        CHECK_FALSE(in.next_line(timeout));
    }
}

TEST_CASE("reader: whoever does not read makes the peer wait, and no limit is in the way of who asks for more")
{
    auto [in, out] = socketpair();
    duplex few(in.channel(), limits(1000));
    const std::string data(16'000'000, 'x');
    CHECK(code_of([&] { out.send(data, 0s); }) == errc::timed_out);
    CHECK(out.unsent() != 0);
    CHECK(few.recv(1, timeout) == byte_view("x"));
    CHECK(few.peek_partial().size() <= 1 << 20);
    error_code ec;
    out.flush(0s, ec);
    CHECK(ec == errc::timed_out);
    // Larger than the limit and than what the system holds: the receive takes what comes.
    auto sending = std::async(std::launch::async, [&, o = out]() mutable { o.flush(timeout); });
    CHECK(few.recv(data.size() - 1, timeout).size() == data.size() - 1);
    sending.get();
}

TEST_CASE("reader: what has come before the end stays readable after it")
{
    for (const bool coroutine : {false, true}) {
        auto ends = socketpair();
        duplex& in = ends.first;
        duplex& out = ends.second;
        out.send("line\nsix by", timeout);
        out.send("the rest", timeout);
        out.close();
        const auto exactly = [&](std::size_t n) { return coroutine ? run(in.async_recv(n)) : in.recv(n, timeout); };
        CHECK(in.recv_line(timeout) == byte_view("line"));
        CHECK(exactly(6) == byte_view("six by"));
        CHECK(exactly(4) == byte_view("the "));
        CHECK(in.recv_all(timeout) == byte_view("rest"));
        CHECK(code_of([&] { exactly(1); }) == errc::end_of_stream);
    }
}
