// Bad use and bad peers: typed errors, and a stream that is as it was.

#include "support/raw_link.hpp"
#include "support/test.hpp"

namespace {

// What the peer has got when the wire is closed.
std::string sent_on(raw_link& w)
{
    w.mine.close();
    return read_to_end(w.peer.get());
}

class boom : public std::runtime_error {
public:
    explicit boom(int n) : std::runtime_error("boom"), number(n) {}
    int number;
};

// One byte of length, the payload. Throws when it meets a '!' as length, and when it is to send "boom".
class throwing_framing {
public:
    using message_type = bytes;

    decode_result decode(byte_view buffered, const limits&)
    {
        if (buffered.empty())
            return decode_result::need_more(1);
        if (buffered[0] == std::byte{'!'})
            throw boom(1);
        const auto n = std::to_integer<std::size_t>(buffered[0]);
        return buffered.size() < 1 + n ? decode_result::need_more(1 + n - buffered.size()) : decode_result::frame(1, n);
    }
    error_code encode(std::span<const byte_view> payload, const limits&, encoded& out) const
    {
        std::size_t n = 0;
        for (const byte_view part : payload)
            n += part.size();
        const char header[] = {static_cast<char>(n)};
        out.append_copy(byte_view(std::span(header)));
        for (const byte_view part : payload) {
            if (part == byte_view("boom"))
                throw boom(2);
            out.append_view(part);
        }
        return {};
    }
};
static_assert(byte_framing<throwing_framing>);

// The same for values.
class throwing_values {
public:
    using message_type = std::string;

    decode_result decode(byte_view buffered, const limits& l) { return frames_.decode(buffered, l); }
    error_code encode(const std::string& value, const limits& l, encoded& out) const
    {
        const byte_view v = value;
        return frames_.encode(std::span(&v, 1), l, out);
    }
    std::string load(bytes payload) const
    {
        if (payload.text() == "bomb")
            throw boom(3);
        return std::string(payload.text());
    }

private:
    throwing_framing frames_;
};
static_assert(typed_framing<throwing_values>);

// The number of the boom that f throws, unchanged; 0 if none.
template <class F>
int boom_of(F f)
{
    try {
        f();
    } catch (const boom& b) {
        return b.what() == std::string("boom") ? b.number : -1;
    }
    return 0;
}

} // namespace

// ---- handles that are not there ----

TEST_CASE("misuse: a message handle that was moved from is closed")
{
    auto ends = socketpair(varint());
    message_duplex<> kept = std::move(ends.first);
    message_duplex<> fresh;
    for (message_duplex<>* m : {&ends.first, &fresh}) {
        CHECK(!m->is_open());
        CHECK_THROWS_AS(m->recv(timeout), closed_error);
        CHECK_THROWS_AS(m->try_recv(), closed_error);
        CHECK_THROWS_AS(m->send("x", timeout), closed_error);
        CHECK_THROWS_AS(m->flush(timeout), closed_error);
        CHECK_THROWS_AS(m->take_partial(timeout), closed_error);
        CHECK_THROWS_AS(run(m->async_recv()), closed_error);
        CHECK_THROWS_AS(run(m->async_send("x")), closed_error);
    }
    kept.send("still", timeout);
    CHECK(ends.second.recv(timeout).text() == "still");
}

// ---- frames that are none ----

TEST_CASE("misuse: a truncated frame is not a clean end, and its bytes stay")
{
    struct {
        const char* sent;
        std::size_t size;
    } const cases[] = {{"\x05"
                        "ab",
                        3},
                       {"\x05", 1},
                       {"\xf1", 1},
                       {"\xfa\x01", 2}};
    for (const auto& c : cases) {
        CAPTURE(c.size);
        raw_link w;
        message_duplex<> m(w.mine);
        write_all(w.peer.get(), std::string("\x02ok") + c.sent);
        w.peer.reset();
        CHECK(m.recv(timeout).text() == "ok");
        for (int i = 0; i < 3; ++i) {
            try {
                m.recv(timeout);
                FAIL("received");
            } catch (const eof_error& e) {
                CHECK(e.code() == errc::truncated);
                CHECK(e.code() == condition::end);
                CHECK(e.transferred() == c.size);
                CHECK(e.data().text() == c.sent);
            }
        }
        CHECK(code_of([&] { run(m.async_recv()); }) == errc::truncated);
        CHECK(code_of([&] { m.try_recv(); }) == errc::truncated);
        CHECK(m.take_partial(timeout).text() == c.sent);
        CHECK(code_of([&] { m.recv(timeout); }) == errc::end_of_stream);
    }
}

TEST_CASE("misuse: an end between frames is clean, again and again")
{
    raw_link w;
    message_duplex<> m(w.mine);
    w.peer.reset();
    for (int i = 0; i < 3; ++i) {
        CHECK(code_of([&] { m.recv(timeout); }) == errc::end_of_stream);
        CHECK(code_of([&] { w.mine.recv(timeout); }) == errc::end_of_stream);
        CHECK(code_of([&] { run(m.async_recv()); }) == errc::end_of_stream);
    }
}

TEST_CASE("misuse: a garbage header poisons the message reader, while bytes can still be read")
{
    raw_link w;
    message_duplex<multiprocessing_bytes> m(w.mine);
    const std::string bad = from_hex("fffffffe") + "rest";
    write_all(w.peer.get(), from_hex("00000002") + "ok" + bad);
    CHECK(m.recv(timeout).text() == "ok");
    for (int i = 0; i < 3; ++i) {
        try {
            m.recv(timeout);
            FAIL("received");
        } catch (const frame_error& e) {
            CHECK(e.code() == errc::malformed);
            CHECK(e.data().text().substr(0, 4) == from_hex("fffffffe"));
        }
        CHECK(code_of([&] { m.try_recv(); }) == errc::malformed);
        CHECK(code_of([&] { run(m.async_recv()); }) == errc::malformed);
        error_code ec;
        m.recv(timeout, ec);
        CHECK(ec == errc::malformed);
    }
    // More bytes, even a good frame, change nothing.
    write_all(w.peer.get(), from_hex("00000001") + "x");
    CHECK(code_of([&] { m.recv(timeout); }) == errc::malformed);
    // Sending is not affected.
    CHECK(m.send("out", timeout) == 7);
    CHECK(read_n(w.peer.get(), 7).substr(4) == "out");
    // Raw reads start where the bad frame starts.
    CHECK(w.mine.recv(8, timeout).text() == bad);
    CHECK(m.recv(timeout).text() == "x");
}

TEST_CASE("misuse: a frame that announces too much is refused at its header and stays")
{
    raw_link w;
    message_duplex<> m(w.mine, varint(), limits(10));
    write_all(w.peer.get(), "\x0b"); // 11, and nothing more yet
    for (int i = 0; i < 3; ++i) {
        CHECK(code_of([&] { m.recv(timeout); }) == errc::too_large);
        CHECK(code_of([&] { run(m.async_recv()); }) == errc::too_large);
    }
    CHECK_THROWS_AS(m.recv(timeout), frame_error);
    write_all(w.peer.get(), "elevenbytes");
    CHECK(code_of([&] { m.recv(timeout); }) == errc::too_large);
    // Somebody with a higher limit may read it.
    message_duplex<> larger(w.mine, varint(), limits(11));
    CHECK(larger.recv(timeout).text() == "elevenbytes");
    write_all(w.peer.get(), "\x0atenletters");
    CHECK(m.recv(timeout).text() == "tenletters");
}

TEST_CASE("misuse: a hostile header allocates nothing")
{
    for (const char* header : {"ff ffffffffffffffff", "ff 7fffffffffffffff", "fb ffffffff"}) {
        CAPTURE(header);
        raw_link w;
        message_duplex<> m(w.mine);
        write_all(w.peer.get(), from_hex(header));
        CHECK(code_of([&] { m.recv(timeout); }) == errc::too_large);
        // Nor where the limit allows it: memory follows what arrives.
        message_duplex<> trusting(w.mine, varint(), limits(SIZE_MAX));
        if (from_hex(header) != from_hex("ff ffffffffffffffff"))
            CHECK(code_of([&] { trusting.recv(deadline::now()); }) == errc::timed_out);
    }
}

TEST_CASE("misuse: a message above the limit is not sent, not even in part")
{
    raw_link w;
    message_duplex<> m(w.mine, varint(), limits(4));
    try {
        m.send("12345", timeout);
        FAIL("sent");
    } catch (const frame_error& e) {
        CHECK(e.code() == errc::too_large);
        CHECK(e.transferred() == 0);
        CHECK(!e.in_flight());
    }
    CHECK(code_of([&] { m.send({"123", "45"}, timeout); }) == errc::too_large);
    error_code ec;
    CHECK(m.send("12345", timeout, ec) == 0);
    CHECK(ec == errc::too_large);
    CHECK(code_of([&] { run(m.async_send("12345")); }) == errc::too_large);
    asio::io_context ctx;
    m.async_send("12345", asio::bind_executor(ctx, [&](error_code e, std::size_t n) {
                     ec = e;
                     CHECK(n == 0);
                 }));
    ec.clear();
    ctx.run();
    CHECK(ec == errc::too_large);
    CHECK(m.send("1234", timeout) == 5);
    CHECK(sent_on(w) == "\x04"
                        "1234");
}

// ---- framings that throw ----

TEST_CASE("misuse: what a framing throws while decoding reaches the caller unchanged, and the frame stays")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    write_all(w.peer.get(), "\x02ok!bad");
    CHECK(m.recv(timeout).text() == "ok");
    for (int i = 0; i < 2; ++i) {
        CHECK(boom_of([&] { m.recv(timeout); }) == 1);
        CHECK(boom_of([&] { m.try_recv(); }) == 1);
        CHECK(boom_of([&] { run(m.async_recv()); }) == 1);
    }
    // The lock is free, and the stream is where it was.
    CHECK(w.mine.recv(1, deadline::now()).text() == "!");
    CHECK(w.mine.recv(3, deadline::now()).text() == "bad");
    write_all(w.peer.get(), "\x02go");
    CHECK(m.recv(timeout).text() == "go");
}

TEST_CASE("misuse: the same while the call has to wait first")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    asio::io_context ctx;
    auto got = asio::co_spawn(ctx, m.async_recv(), asio::use_future);
    ctx.poll();
    write_all(w.peer.get(), "!");
    ctx.run();
    CHECK(boom_of([&] { got.get(); }) == 1);
    CHECK(w.mine.recv(1, deadline::now()).text() == "!");

    auto thrown = std::async(std::launch::async, [&] { return boom_of([&] { m.recv(timeout); }); });
    while (code_of([&] { m.recv(deadline::now()); }) != errc::lock_timed_out)
        std::this_thread::yield(); // it has not begun yet
    write_all(w.peer.get(), "!");
    CHECK(thrown.get() == 1);
    CHECK(w.mine.recv(1, deadline::now()).text() == "!");
}

TEST_CASE("misuse: a completion token is told that the framing failed")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    write_all(w.peer.get(), "!");
    asio::io_context ctx;
    error_code ec;
    m.async_recv(asio::bind_executor(ctx, [&](error_code e, const bytes&) { ec = e; }));
    ctx.run();
    CHECK(ec == errc::framing_failed);
    ctx.restart();
    auto f = m.async_recv(asio::bind_executor(ctx, asio::use_future));
    ctx.run();
    CHECK_THROWS_WITH(f.get(), "boom"); // as blocking calls do
    CHECK(w.mine.recv(1, deadline::now()).text() == "!");
}

TEST_CASE("misuse: a call with an error_code reports a framing that throws while decoding in it")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    write_all(w.peer.get(), "!");
    error_code ec;
    CHECK_NOTHROW(m.recv(timeout, ec));
    CHECK(ec == errc::framing_failed);
    CHECK(w.mine.recv(1, deadline::now()).text() == "!");
}

TEST_CASE("misuse: what a framing throws while encoding reaches the caller unchanged, and nothing is sent")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    CHECK(boom_of([&] { m.send("boom", timeout); }) == 2);
    CHECK(boom_of([&] { m.send({"first", "boom"}, timeout); }) == 2);
    CHECK(boom_of([&] {
              auto sending = [](message_duplex<throwing_framing>& x) -> asio::awaitable<std::size_t> {
                  co_return co_await x.async_send("boom");
              };
              run(sending(m));
          }) == 2);
    CHECK(m.send("good", deadline::now()) == 5);
    CHECK(sent_on(w) == "\x04good");
}

TEST_CASE("misuse: an error_code and a completion token are told that the framing failed to encode")
{
    raw_link w;
    message_duplex<throwing_framing> m(w.mine);
    error_code ec;
    CHECK_NOTHROW(m.send("boom", timeout, ec));
    CHECK(ec == errc::framing_failed);
    ec.clear();
    asio::io_context ctx;
    CHECK_NOTHROW(m.async_send("boom", asio::bind_executor(ctx, [&](error_code e, std::size_t n) {
                                   ec = e;
                                   CHECK(n == 0);
                               })));
    ctx.run();
    CHECK(ec == errc::framing_failed);
    CHECK(m.send("good", deadline::now()) == 5);
    CHECK(sent_on(w) == "\x04good");
}

TEST_CASE("misuse: what a framing throws while loading reaches the caller unchanged, and the next frame is in step")
{
    const auto how = GENERATE(0, 1, 2, 3);
    CAPTURE(how);
    raw_link w;
    message_duplex<throwing_values> m(w.mine);
    write_all(w.peer.get(), "\x04"
                            "bomb"
                            "\x02ok");
    asio::io_context ctx;
    switch (how) {
    case 0: CHECK(boom_of([&] { m.recv(timeout); }) == 3); break;
    case 1: CHECK(boom_of([&] { m.try_recv(); }) == 3); break;
    case 2: CHECK(boom_of([&] { run(m.async_recv()); }) == 3); break;
    case 3: {
        error_code ec;
        m.async_recv(asio::bind_executor(ctx, [&](error_code e, const std::string&) { ec = e; }));
        ctx.run();
        CHECK(ec == errc::framing_failed);
        break;
    }
    }
    // Whether or not the bad frame was taken off, the stream is at the beginning of a frame and the lock is free.
    const std::string rest(w.mine.recv(deadline::now()).text());
    CHECK((rest == "\x02ok" || rest == "\x04"
                                       "bomb"
                                       "\x02ok"));
}

TEST_CASE("misuse: a call with an error_code reports a framing that throws while loading in it")
{
    raw_link w;
    message_duplex<throwing_values> m(w.mine);
    write_all(w.peer.get(), "\x04"
                            "bomb");
    error_code ec;
    CHECK_NOTHROW(m.recv(timeout, ec));
    CHECK(ec == errc::framing_failed);
}
