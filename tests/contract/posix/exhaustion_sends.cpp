// Sending when memory or descriptors run out at any point: the call says so or succeeds, and no frame is torn without a word.
#include "contract/posix/shortage.hpp"
#include "support/test.hpp"

namespace {

const std::string large(3'000'000, 'x'); // more than the system holds
const std::string small = "small";
const std::string next = "next";

// ---- the calls ----

struct send_small {
    static std::size_t call(message_duplex<>& e, const until& l) { return e.send(small, l); }
    static auto start(message_duplex<>& e, auto... rest) { return e.async_send(small, rest...); }
};
struct send_large {
    static std::size_t call(message_duplex<>& e, const until& l) { return e.send(large, l); }
    static auto start(message_duplex<>& e, auto... rest) { return e.async_send(large, rest...); }
};
struct send_owned {
    static std::size_t call(message_duplex<>& e, const until& l) { return e.send(bytes(large), l); }
    static auto start(message_duplex<>& e, auto... rest) { return e.async_send(bytes(large), rest...); }
};
struct send_many_parts {
    static std::size_t call(message_duplex<>& e, const until& l)
    {
        return e.send({byte_view("s"), byte_view("m"), byte_view("a"), byte_view("l"), byte_view("l")}, l);
    }
    static auto start(message_duplex<>& e, auto... rest)
    {
        return e.async_send({byte_view("s"), byte_view("m"), byte_view("a"), byte_view("l"), byte_view("l")}, rest...);
    }
};

// Reads all messages of the other end, while this end sends one more.
struct outcome {
    error_code of_next;
    std::vector<std::string> received;
    error_code at_the_end;
};

outcome send_next(message_duplex<>& end, message_duplex<>& peer)
{
    outcome o;
    std::thread reading([&] {
        while (const auto m = peer.next(20s, o.at_the_end))
            o.received.emplace_back(m->text());
    });
    end.send(next, 20s, o.of_next);
    end.close(20s);
    reading.join();
    return o;
}

void nothing_torn(const shortage& s, const error_code& ec, message_duplex<>& end, message_duplex<>& peer)
{
    INFO("ended with " << ec.message());
    CHECK((s.explains(ec) || ec == errc::timed_out || (ec == errc::torn && s.has_refused())));
    const outcome o = send_next(end, peer);
    for (const std::string& m : o.received)
        CHECK((m == large || m == small || m == next));
    if (o.of_next == errc::torn) { // it had begun, and there was no memory for its rest: all know
        CHECK(s.has_refused());
        CHECK(o.received.empty());
        CHECK(o.at_the_end == errc::truncated);
        return;
    }
    CHECK(ec != errc::torn);
    CHECK(!o.of_next);
    CHECK(!o.at_the_end);
    REQUIRE(!o.received.empty());
    CHECK(o.received.back() == next);
    CHECK(o.received.size() <= 2);
    if (!ec)
        CHECK(o.received.size() == 2);
}

// ---- the ways to call ----

template <class Call>
void in_a_thread(shortage& s)
{
    auto [end, peer] = socketpair(varint());
    error_code ec;
    std::thread([&, &e = end] { ec = s.during([&] { Call::call(e, 1ms); }); }).join();
    nothing_torn(s, ec, end, peer);
}

template <class Call>
void with_a_handler(shortage& s, bool context_ends)
{
    auto [end, peer] = socketpair(varint());
    error_code ec;
    unsigned called = 0;
    bool begun = false;
    auto context = std::make_unique<asio::io_context>();
    const error_code thrown = s.during([&] {
        Call::start(end, until(1ms), asio::bind_executor(*context, [&](error_code e, std::size_t) {
                        ++called;
                        ec = e;
                    }));
        begun = true;
        context->poll();
        if (context_ends)
            return context.reset();
        context->restart();
        context->run();
    });
    CHECK((!begun || !thrown));
    CHECK(s.explains(thrown));
    CHECK(called <= (begun ? 1u : 0u));
    if (begun && !context_ends)
        CHECK(called == 1);
    nothing_torn(s, thrown ? thrown : called == 0 ? error_code(errc::timed_out) : ec, end, peer);
}

template <class Call, class... Token>
void in_a_coroutine(shortage& s, Token... token)
{
    auto [end, peer] = socketpair(varint());
    error_code ec;
    bool ended = false;
    asio::io_context context;
    const auto body = [&, &e = end]() -> asio::awaitable<void> {
        try {
            const until limit(1ms);
            s.begin();
            co_await Call::start(e, limit, token...);
            s.end();
        } catch (...) {
            s.end();
            ec = detail::thrown_code();
        }
        ended = true;
    };
    asio::co_spawn(context, body(), asio::detached);
    CHECK_NOTHROW(context.run());
    CHECK(ended);
    nothing_torn(s, ec, end, peer);
}

template <class Call>
void check(const std::string& name)
{
    with_each_shortage(name + ", in a thread", in_a_thread<Call>);
    with_each_shortage(name + ", with a handler", [](shortage& s) { with_a_handler<Call>(s, false); });
    with_each_shortage(name + ", and the context ends", [](shortage& s) { with_a_handler<Call>(s, true); });
    with_each_shortage(name + ", in a coroutine", [](shortage& s) { in_a_coroutine<Call>(s); });
    with_each_shortage(name + ", with use_awaitable",
                       [](shortage& s) { in_a_coroutine<Call>(s, asio::use_awaitable); });
}

} // namespace

TEST_CASE("exhaustion: sends that fit")
{
    check<send_small>("send");
    check<send_many_parts>("send of five parts");
}
TEST_CASE("exhaustion: sends that are interrupted")
{
    check<send_large>("send of 3 MB");
}
TEST_CASE("exhaustion: sends that own their bytes")
{
    check<send_owned>("send of 3 MB that are moved");
}

TEST_CASE("exhaustion: a send whose rest cannot be kept says so itself")
{
    bool torn = false;
    with_each_shortage("send", [&](shortage& s) {
        auto [end, peer] = socketpair();
        error_code ec;
        std::size_t sent = 0;
        const error_code thrown = s.during([&, &e = end] { sent = e.send(large, 1ms, ec); });
        CHECK(!thrown); // the functions that take an error_code throw nothing
        if (ec == errc::timed_out)
            CHECK(end.unsent() == large.size() - sent);
        else if (ec == errc::torn)
            torn = true;
        else
            CHECK((s.explains(ec) && sent == 0));
    });
    CHECK(torn);
}

TEST_CASE("exhaustion: closing, flushing, half-closing and giving away what has a rest")
{
    enum class what { flush, shutdown, close, async_flush, async_close, release };
    for (const what w :
         {what::flush, what::shutdown, what::close, what::async_flush, what::async_close, what::release}) {
        with_each_shortage("call " + std::to_string(static_cast<int>(w)), [w](shortage& s) {
            auto [end, peer] = socketpair();
            error_code ec;
            const std::size_t began = end.send(large, 1ms, ec);
            REQUIRE((ec == errc::timed_out && end.unsent() == large.size() - began));
            std::string received;
            std::thread reading([&, &p = peer] { received = p.recv_all(20s).text(); });
            bool closed = false;
            unsigned called = 0;
            const error_code thrown = s.during([&, &e = end] {
                asio::io_context context;
                auto done = asio::bind_executor(context, [&](error_code x, auto...) {
                    ++called;
                    ec = x;
                });
                switch (w) {
                case what::flush: e.flush(20s); break;
                case what::shutdown: e.shutdown_send(20s); break;
                case what::close: closed = e.close(20s) == 0; break;
                case what::async_flush: e.async_flush(20s, std::move(done)); break;
                case what::async_close: e.async_close(20s, std::move(done)); break;
                case what::release: {
                    error_code refused;
                    (void)e.release(0s, refused);
                    const plenty p;
                    CHECK(refused == errc::torn);
                }
                }
                context.run();
            });
            CHECK(s.explains(thrown));
            CHECK(called <= 1);
            end.close(20s); // so that the rest arrives, whatever has become of the call
            reading.join();
            if (w == what::close || w == what::async_close) {
                // `close` waits as far as it can: without memory it closes all the same, and says what did not leave.
                CHECK((received == large || s.has_refused()));
            } else
                CHECK((received == large));
        });
    }
}
