// The calls of an endpoint that people expect, and what they give where there is nothing to give.
#include "support/memory_pair.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

/// A send that goes on until the peer reads: larger than any buffer of the system.
const std::string& large()
{
    static const std::string text(8 << 20, 'x');
    return text;
}

} // namespace

TEST_CASE("interface: loops over messages and lines end with the stream")
{
    auto [in, out] = pipe(varint{});
    out.send("one");
    out.send("two");
    out.as_bytes().close();
    std::vector<std::string> got;
    while (const auto m = in.next(timeout))
        got.emplace_back(m->text());
    CHECK(got == std::vector<std::string>{"one", "two"});

    auto [text, to] = pipe();
    to.send("a\nb\n");
    to.close();
    got.clear();
    while (const auto line = text.next_line(timeout))
        got.emplace_back(line->text());
    CHECK(got == std::vector<std::string>{"a", "b"});
}

TEST_CASE("interface: next is nothing at the clean end, and an error everywhere else")
{
    for (const bool coroutine : {false, true}) {
        INFO(coroutine);
        auto [in, out] = pipe(varint{});
        out.as_bytes().send("\x05he");
        const auto next = [&](until limit) { return coroutine ? run(in.async_next(limit)) : in.next(limit); };
        CHECK_THROWS_AS(next(1ms), timeout_error);
        out.close();
        CHECK_THROWS_AS(next(timeout), eof_error);
        CHECK(in.take_partial() == byte_view("\x05he"));
        CHECK_FALSE(next(timeout));
        error_code ec;
        CHECK_FALSE(in.next(ec));
        CHECK_FALSE(ec);
        in.close();
        CHECK_FALSE(in.next(ec));
        CHECK(ec == errc::closed);
    }
}

TEST_CASE("interface: async_next completes with an optional, by any token")
{
    auto [in, out] = pipe(varint{});
    out.send("one");
    out.close();
    asio::io_context context;
    std::vector<std::optional<bytes>> got;
    const auto take = [&](error_code ec, std::optional<bytes> m) {
        CHECK_FALSE(ec);
        got.push_back(std::move(m));
    };
    in.async_next(asio::bind_executor(context, take));
    in.async_next(timeout, asio::bind_executor(context, take));
    context.run();
    REQUIRE(got.size() == 2);
    CHECK(got[0]->text() == "one");
    CHECK_FALSE(got[1]);
}

TEST_CASE("interface: on error there is no value, and what had arrived stays")
{
    auto [in, out] = pipe();
    out.send("abc");
    error_code ec;
    CHECK(in.recv(10, 1ms, ec).empty());
    CHECK(ec == errc::timed_out);
    std::byte space[10];
    CHECK(in.recv_into(space, 1ms, ec) == 0);
    CHECK(in.recv_line(1ms, ec).empty());
    CHECK(in.peek_partial() == byte_view("abc"));
    try {
        (void)in.recv(10, 1ms);
        CHECK(false);
    } catch (const timeout_error& e) {
        CHECK(e.data() == byte_view("abc"));
        CHECK(e.transferred() == 3);
    }
    CHECK(in.take_partial() == byte_view("abc"));
    out.close();
    CHECK(in.recv(ec).empty());
    CHECK(ec == errc::end_of_stream);
}

TEST_CASE("interface: take_partial takes the message that is refused and nothing behind it")
{
    auto [in, out] = pipe();
    out.send("short\n" + std::string(5000, 'x') + "\nnext\n");
    message_reader<lines> messages(in, lines(), limits(100));
    CHECK(messages.recv(timeout) == byte_view("short"));
    for (int i = 0; i < 2; ++i)
        CHECK(code_of([&] { (void)messages.recv(timeout); }) == errc::too_large);
    CHECK(messages.peek_partial().size() == 5001);
    CHECK(messages.take_partial().size() == 5001);
    CHECK(messages.recv(timeout) == byte_view("next"));
    out.send("whole\n");
    CHECK(in.peek_partial().empty());
    CHECK(code_of([&] { (void)in.recv(100, 1ms); }) == errc::timed_out);
    CHECK(messages.take_partial().empty()); // a message that is whole is not partial
    CHECK(messages.recv(timeout) == byte_view("whole"));

    message_reader<> counted(in, varint(), limits(10));
    out.send(std::string("\x0b") + "elevenbytes" + "\x02" + "ok");
    CHECK(code_of([&] { (void)counted.recv(timeout); }) == errc::too_large);
    CHECK(counted.take_partial() == byte_view("\x0b"
                                              "elevenbytes"));
    CHECK(counted.recv(timeout) == byte_view("ok"));
}

TEST_CASE("interface: a line that does not come is not searched again and again")
{
    // Quadratic, this would look at 20,000 times 10 MB.
    auto [in, out] = socketpair();
    reader r(in);
    std::jthread sender([w = writer(out)]() mutable { w.send(std::string(10 << 20, 'x'), timeout); });
    error_code ec;
    int tries = 0;
    while (r.peek_partial().size() < (10u << 20)) {
        (void)r.recv_line(0s, ec);
        REQUIRE(ec == errc::timed_out);
    }
    for (; tries < 20'000; ++tries)
        (void)r.recv_line(0s, ec);
    CHECK(ec == errc::timed_out);
}

TEST_CASE("interface: two ends become one, with what was read and what was not sent")
{
    auto [in, to_in] = pipe();
    auto [from_out, out] = pipe();
    to_in.send("read ahead");
    CHECK(in.recv(4, timeout) == byte_view("read"));
    error_code ec;
    const std::size_t left = out.send(large(), 0s, ec);
    REQUIRE(out.unsent() == large().size() - left);
    duplex both(in, out);
    CHECK_FALSE(in.is_open());
    CHECK_FALSE(out.is_open());
    CHECK(both.unsent() == large().size() - left);
    CHECK(both.recv(6, timeout) == byte_view(" ahead"));
    // A receive that waits pushes the rest.
    auto peer = std::async(std::launch::async, [&, r = from_out]() mutable {
        const bytes all = r.recv(large().size(), timeout);
        to_in.send("answer");
        return all.size();
    });
    CHECK(both.recv(6, timeout) == byte_view("answer"));
    CHECK(peer.get() == large().size());
    both.shutdown_send();
    CHECK(from_out.recv_all(timeout).empty());
    to_in.send("still");
    CHECK(both.recv(5, timeout) == byte_view("still"));
    CHECK_THROWS_AS(both.send("x", timeout), broken_error);
}

TEST_CASE("interface: ends that are in use or do not fit are not joined")
{
    auto [in, to_in] = pipe();
    auto [from_out, out] = pipe();
    {
        std::jthread waiting([r = in]() mutable {
            error_code ec;
            (void)r.recv(ec);
        });
        while (code_of([&] { (void)in.arm(direction::read); }) != errc::busy)
            std::this_thread::yield();
        CHECK(code_of([&] { duplex both(in, out); }) == errc::busy);
        CHECK(out.is_open());
        to_in.send("x");
    }
    out.close();
    CHECK(code_of([&, &reading = in, &writing = out] { duplex both(reading, writing); }) == errc::closed);
    CHECK(in.is_open());
}

TEST_CASE("interface: messages become bytes, and halves, of the same endpoint")
{
    auto [a, b] = socketpair(varint{});
    a.as_bytes().send("\x03"
                      "raw");
    CHECK(b.recv(timeout) == byte_view("raw"));
    message_writer<> sending = a;
    message_reader<> receiving = b;
    sending.send("half");
    CHECK(receiving.recv(timeout) == byte_view("half"));
    a.send("bytes");
    CHECK(b.as_bytes().recv(6, timeout) == byte_view("\x05"
                                                     "bytes"));
}

TEST_CASE("interface: temporaries that own their bytes outlive the call")
{
    auto [a, b] = socketpair(varint{});
    asio::io_context context;
    const auto sent = [](error_code ec, std::size_t) { CHECK_FALSE(ec); };
    const std::string text(40, 't');
    a.async_send(std::string(text), asio::bind_executor(context, sent));
    a.async_send({std::string(text), std::vector<char>(2, '!')}, asio::bind_executor(context, sent));
    a.async_send(bytes(byte_view(text)), asio::bind_executor(context, sent));
    writer raw = a.as_bytes();
    raw.async_send(std::string("\x05") + "bytes", asio::bind_executor(context, sent));
    raw.async_send({std::string("\x05"), std::string("bytes")}, timeout, asio::bind_executor(context, sent));
    context.run();
    CHECK(b.recv(timeout) == byte_view(text));
    CHECK(b.recv(timeout) == byte_view(text + "!!"));
    CHECK(b.recv(timeout) == byte_view(text));
    CHECK(b.recv(timeout) == byte_view("bytes"));
    CHECK(b.recv(timeout) == byte_view("bytes"));
}

TEST_CASE("interface: use_awaitable and use_future throw the types of blocking calls")
{
    auto [a, b] = socketpair(varint{});
    b.as_bytes().send("\x05he");
    bool typed = false;
    asio::io_context context;
    asio::co_spawn(
        context,
        [&, r = a]() mutable -> asio::awaitable<void> {
            try {
                co_await r.async_recv(1ms, asio::use_awaitable);
            } catch (const timeout_error& e) {
                typed = e.data() == byte_view("\x05he");
            }
        },
        asio::detached);
    context.run();
    context.restart();
    auto late = a.async_recv(1ms, asio::bind_executor(context, asio::use_future));
    cross_lock l;
    l.lock();
    auto locked = l.async_lock(1ms, asio::bind_executor(context, asio::use_future));
    context.run();
    l.unlock();
    CHECK(typed);
    CHECK_THROWS_AS(late.get(), timeout_error);
    CHECK_THROWS_AS(locked.get(), timeout_error);
}

TEST_CASE("interface: coroutines on an executor type of their own")
{
    using executor = asio::io_context::executor_type;
    auto [a, b] = socketpair(varint{});
    asio::io_context context;
    std::string got;
    asio::co_spawn(
        context,
        [&, r = a]() mutable -> asio::awaitable<void, executor> {
            got = (co_await r.async_recv(asio::use_awaitable_t<executor>())).text();
        },
        asio::detached);
    b.send("any");
    context.run();
    CHECK(got == "any");
}

TEST_CASE("interface: async_close closes although it is cancelled before it begins")
{
    std::stop_source stop;
    stop.request_stop();
    const until limit(timeout, stop.get_token());
    for (const bool with_token : {false, true}) {
        auto [a, b] = socketpair();
        CHECK(run(with_token ? a.async_close(limit, asio::use_awaitable) : a.async_close(limit)) == 0);
        CHECK_FALSE(a.is_open());
    }
    auto [a, b] = socketpair();
    asio::io_context context;
    asio::cancellation_signal signal;
    asio::co_spawn(
        context,
        [](duplex d, asio::cancellation_signal& s) -> asio::awaitable<void> {
            co_await asio::this_coro::throw_if_cancelled(false);
            s.emit(asio::cancellation_type::terminal);
            co_await d.async_close();
        }(a, signal),
        asio::bind_cancellation_slot(signal.slot(), asio::detached));
    context.run();
    CHECK_FALSE(a.is_open());
}

TEST_CASE("interface: close waits for a send under way, and counts what does not leave")
{
    {
        auto [a, b] = socketpair(varint{});
        auto sending = std::async(std::launch::async, [w = a]() mutable { return w.send(large()); });
        auto receiving = std::async(std::launch::async, [r = b]() mutable { return r.recv(timeout).size(); });
        while (code_of([&, &e = a] { (void)e.arm(direction::write); }) != errc::busy &&
               sending.wait_for(0s) != std::future_status::ready)
            std::this_thread::yield();
        CHECK(a.close(timeout) == 0);
        CHECK(sending.get() > large().size());
        CHECK(receiving.get() == large().size());
    }
    {
        auto [a, b] = socketpair();
        auto sending = std::async(std::launch::async, [w = a]() mutable {
            error_code ec;
            const std::size_t left = w.send(large(), ec);
            CHECK(ec == errc::closed);
            return left;
        });
        CHECK(b.recv(1, timeout).size() == 1); // it has begun
        const std::size_t not_sent = a.close(1ms);
        // What leaves while the endpoint is being closed is counted in both.
        CHECK(sending.get() + not_sent >= large().size());
        CHECK(not_sent <= large().size());
        CHECK(not_sent != 0);
    }
    {
        auto packets = memory_packet_pair();
        message_duplex<> a(std::move(packets.first));
        while (a.try_send("fills it up")) {
        }
        asio::io_context context;
        a.async_send("a packet has no header",
                     asio::bind_executor(context, [](error_code ec, std::size_t) { CHECK(ec == errc::closed); }));
        context.poll();
        CHECK(a.close() == std::string_view("a packet has no header").size());
        context.restart();
        context.run();
    }
}
