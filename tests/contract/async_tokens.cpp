// The async_ twins with every kind of completion token, and what belongs to a handler. No co_await inside an assertion:
// g++ 12 gets the temporaries of such statements wrong.
#include "support/styles.hpp"
#include "support/test.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

TEST_CASE("async: use_future, with and without an executor")
{
    auto [a, b] = socketpair(varint{});
    auto f = a.async_recv(asio::use_future); // completes on Asio's system executor
    b.async_send("hello", asio::use_future).get();
    CHECK(f.get() == byte_view("hello"));
    asio::thread_pool pool(2);
    auto g = a.async_recv(5s, asio::bind_executor(pool, asio::use_future));
    b.send("again");
    CHECK(g.get() == byte_view("again"));
    auto late = a.async_recv(2ms, asio::bind_executor(pool, asio::use_future));
    CHECK_THROWS_AS(late.get(), boost::system::system_error);
}

TEST_CASE("async: deferred, as_tuple and plain use_awaitable")
{
    auto [a, b] = socketpair();
    bool done = false;
    run([](duplex x, duplex y, bool& ok) -> asio::awaitable<void> {
        auto later = x.async_recv(3, asio::deferred); // nothing happens yet
        co_await y.async_send("abcdef", asio::deferred);
        const bytes first = co_await std::move(later);
        CHECK(first == byte_view("abc"));
        auto [ec, rest] = co_await x.async_recv(asio::as_tuple(asio::use_awaitable));
        CHECK_FALSE(ec);
        CHECK(rest == byte_view("def"));
        auto [late, nothing] = co_await x.async_recv(1ms, asio::as_tuple(asio::use_awaitable));
        CHECK(late == errc::timed_out);
        CHECK(nothing.empty());
        try {
            co_await x.async_recv(1ms, asio::use_awaitable);
            FAIL("no timeout");
        } catch (const boost::system::system_error& e) {
            CHECK(e.code() == errc::timed_out);
        }
        ok = true;
    }(a, b, done));
    CHECK(done);
}

TEST_CASE("async: every receiving and sending function has a twin")
{
    auto [a, b] = socketpair();
    bool done = false;
    run([](duplex x, duplex y, bool& ok) -> asio::awaitable<void> {
        std::byte space[4];
        co_await y.async_send("0123|line\r\nnext\n4567some");
        const auto found = co_await x.async_recv_until("|");
        CHECK(found == byte_view("0123|"));
        const auto crlf = co_await x.async_recv_line("\r\n");
        CHECK(crlf == byte_view("line"));
        const auto line = co_await x.async_recv_line(5s);
        CHECK(line == byte_view("next"));
        const auto filled = co_await x.async_recv_into(space);
        CHECK(filled == 4);
        CHECK(byte_view(space) == byte_view("4567"));
        const auto some = co_await x.async_recv_some_into(space, 5s);
        CHECK(some == 4);
        CHECK(byte_view(space) == byte_view("some"));
        const auto owned = co_await y.async_send(bytes(byte_view("owned")));
        CHECK(owned == 5);
        const byte_view parts[] = {"in ", "parts"};
        const auto parts_sent = co_await y.async_send(std::span<const byte_view>(parts), 5s);
        CHECK(parts_sent == 8);
        co_await y.async_flush();
        y.shutdown_send();
        const auto all = co_await x.async_recv_all();
        CHECK(all == byte_view("ownedin parts"));
        ok = true;
    }(a, b, done));
    CHECK(done);
}

TEST_CASE("async: half-close, close and take_partial")
{
    auto [a, b] = socketpair(varint{});
    bool done = false;
    run([](message_duplex<> x, message_duplex<> y, bool& ok) -> asio::awaitable<void> {
        writer(y.channel(), {}).send("\x05he");
        const auto [late, some] = co_await x.async_recv(1ms, asio::as_tuple(asio::use_awaitable));
        CHECK(late == errc::timed_out);
        CHECK(some.empty()); // it is still in the stream
        const bytes partial = co_await x.async_take_partial();
        CHECK(partial == byte_view("\x05he"));
        co_await y.async_shutdown_send();
        const auto [end, nothing] = co_await x.async_recv(asio::as_tuple(asio::use_awaitable));
        CHECK(end == errc::end_of_stream);
        co_await x.async_send("the other direction goes on");
        const bytes got = co_await y.async_recv();
        CHECK(got == byte_view("the other direction goes on"));
        const std::size_t unsent = co_await x.async_close(5s);
        CHECK(unsent == 0);
        CHECK_FALSE(x.is_open());
        const auto [none, again] = co_await x.async_close(asio::as_tuple(asio::use_awaitable));
        CHECK_FALSE(none);
        CHECK(again == 0);
        ok = true;
    }(a, b, done));
    CHECK(done);
}

TEST_CASE("async: close sends the tail first, until its deadline")
{
    for (const style s : all_styles) {
        INFO(name(s));
        auto [a, b] = socketpair();
        const bytes large = pattern(16'000'000);
        CHECK_THROWS_AS(a.send(large, deadline::now()), timeout_error);
        auto o = call<std::size_t>(
            s, [&] { return a.close(2ms); }, [&](auto... token) { return a.async_close(2ms, token...); });
        CHECK_FALSE(o.error);
        const bytes arrived = b.recv_all(20s);
        CHECK(o.value + arrived.size() == large.size());
        CHECK(arrived == byte_view(large).first(arrived.size()));
    }
    auto [a, b] = socketpair();
    const bytes large = pattern(16'000'000);
    CHECK_THROWS_AS(a.send(large, deadline::now()), timeout_error);
    auto closing = a.async_close(20s, asio::use_future);
    CHECK(b.recv_all(20s) == large);
    CHECK(closing.get() == 0);
}

TEST_CASE("async: awaitables throw the typed exceptions, with the data")
{
    auto [a, b] = socketpair(varint{});
    writer(b.channel(), {}).send("\x05he");
    bool timed_out = false;
    bool eof = false;
    run([](message_duplex<> x, message_duplex<> y, bool& late, bool& end) -> asio::awaitable<void> {
        try {
            co_await x.async_recv(1ms);
        } catch (const timeout_error& e) {
            late = e.data() == byte_view("\x05he") && e.transferred() == 3;
        }
        y.close();
        try {
            co_await x.async_recv();
        } catch (const eof_error& e) {
            end = e.code() == errc::truncated && e.transferred() == 3;
        }
    }(a, b, timed_out, eof));
    CHECK(timed_out);
    CHECK(eof);
}

TEST_CASE("async: a coroutine is cancelled as coroutines are")
{
    using namespace asio::experimental::awaitable_operators;
    auto [a, b] = socketpair(varint{});
    bool ok = false;
    run([](message_duplex<> x, message_duplex<> y, bool& done) -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        writer(y.channel(), {})
            .send("\x03"
                  "ab");
        auto lost = co_await (x.async_recv() || timer.async_wait(asio::use_awaitable));
        CHECK(lost.index() == 1);
        writer(y.channel(), {}).send("c");
        const auto whole = co_await x.async_recv();
        CHECK(whole == byte_view("abc")); // nothing was
        done = true;
    }(a, b, ok));
    CHECK(ok);
}

TEST_CASE("async: completes on the handler's own executor, never inside the call")
{
    asio::thread_pool pool(4);
    auto strand = asio::make_strand(pool);
    auto [a, b] = socketpair();
    std::atomic<int> done{0};
    for (int i = 0; i < 100; ++i) {
        a.async_recv(1, asio::bind_executor(strand, [&](error_code, bytes) {
                         CHECK(strand.running_in_this_thread());
                         ++done;
                     }));
        b.async_send("x", asio::bind_executor(strand, [&](error_code, std::size_t) {
                         CHECK(strand.running_in_this_thread());
                         ++done;
                     }));
    }
    pool.join();
    CHECK(done == 200);
    asio::io_context context;
    b.send("there");
    bool inside = true;
    a.async_recv(asio::bind_executor(context, [&](error_code, bytes) { CHECK_FALSE(inside); }));
    inside = false;
    CHECK(context.run() > 0);
}

TEST_CASE("async: an operation keeps its context running, an idle endpoint does not")
{
    asio::io_context context;
    auto [a, b] = socketpair();
    bool ran = false;
    a.async_recv(asio::bind_executor(context, [&](error_code, bytes) { ran = true; }));
    context.poll();
    CHECK_FALSE(context.stopped());
    b.send("x");
    context.run();
    CHECK(ran);
    context.restart();
    CHECK(context.run() == 0);
}

TEST_CASE("async: a firehose does not starve the others on its context")
{
    asio::io_context context;
    auto [r, w] = pipe();
    std::atomic<bool> over{false};
    std::jthread firehose([&, out = w]() mutable {
        const bytes block = pattern(60'000);
        error_code ec;
        while (!over && !ec)
            out.send(block, 20s, ec);
        out.close();
    });
    error_code result;
    r.async_recv(std::size_t{1} << 40, asio::bind_executor(context, [&](error_code ec, bytes) { result = ec; }));
    int others = 0;
    asio::steady_timer timer(context);
    std::function<void(error_code)> tick = [&](error_code) {
        if (++others == 20) {
            over = true;
            return;
        }
        timer.expires_after(1ms);
        timer.async_wait(tick);
    };
    tick({});
    context.run();
    CHECK(others == 20);
    CHECK(result == errc::truncated);
}

TEST_CASE("async: two contexts and threads take turns at one reader")
{
    auto [a, b] = socketpair(varint{});
    constexpr int each = 200;
    std::atomic<int> got{0};
    asio::io_context contexts[2];
    std::vector<std::jthread> threads;
    const auto take = [](message_duplex<> d, std::atomic<int>& n) -> asio::awaitable<void> {
        for (int i = 0; i < each; ++i) {
            const bytes m = co_await d.async_recv();
            CHECK(m.size() == 5);
            ++n;
        }
    };
    for (auto& c : contexts) {
        asio::co_spawn(c, take(a, got), asio::detached);
        threads.emplace_back([&c] { c.run(); });
    }
    threads.emplace_back([&, d = a]() mutable {
        for (int i = 0; i < each; ++i) {
            CHECK(d.recv(20s).size() == 5);
            ++got;
        }
    });
    for (int i = 0; i < 3 * each; ++i)
        b.send("12345");
    threads.clear();
    CHECK(got == 3 * each);
}

TEST_CASE("async: a read that dies with its coroutine gives back what it had filled in")
{
    auto [a, b] = socketpair();
    const bytes sent = pattern(100'000);
    const byte_view first = byte_view(sent).first(40'000);
    std::vector<std::byte> space(sent.size());
    b.send(first);
    {
        asio::io_context context;
        asio::co_spawn(
            context,
            [](duplex d, std::vector<std::byte>& into) -> asio::awaitable<void> {
                co_await d.async_recv_into(into);
                FAIL("ran");
            }(a, space),
            asio::detached);
        context.poll();
        CHECK(byte_view(std::span(space).first(first.size())) == first); // so that there is something to give back
    }
    b.send(byte_view(sent).subspan(first.size()));
    CHECK(a.recv(sent.size(), 20s) == sent);
}

TEST_CASE("async: a separator that comes in pieces is found")
{
    for (const bool strip : {false, true}) {
        auto [r, w] = pipe();
        asio::io_context context;
        bytes got;
        const auto note = [&](error_code ec, bytes b) {
            CHECK_FALSE(ec);
            got = std::move(b);
        };
        if (strip)
            r.async_recv_line("--\r\n", asio::bind_executor(context, note));
        else
            r.async_recv_until("--\r\n", asio::bind_executor(context, note));
        for (const char* piece : {"ab-", "-", "\r", "\ncd"}) {
            CHECK(got.empty());
            w.send(piece);
            context.poll();
        }
        context.run();
        CHECK(got == byte_view(strip ? "ab" : "ab--\r\n"));
        CHECK(r.recv(2, deadline::now()) == byte_view("cd"));
    }
}

TEST_CASE("async: a socket of Asio's is taken over")
{
    using asio::ip::tcp;
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    tcp::socket connecting(context);
    connecting.connect(acceptor.local_endpoint());
    tcp::socket accepted = acceptor.accept();
    duplex a(adopt(std::move(connecting)));
    duplex b(adopt(std::move(accepted)));
    CHECK_FALSE(connecting.is_open());
    CHECK_FALSE(accepted.is_open());
    a.send("hello");
    CHECK(b.recv(5, 20s) == byte_view("hello"));
    b.close();
    CHECK_THROWS_AS(a.recv(20s), eof_error);

    CHECK_THROWS_AS(adopt(std::move(acceptor)), usage_error);
    CHECK(acceptor.is_open());
}

TEST_CASE("async: nobody sends in between while a coroutine waits for room")
{
    auto [a, b] = socketpair(varint{});
    reader raw(b.channel(), {});
    const bytes large = pattern(16'000'000);
    asio::io_context context;
    asio::co_spawn(
        context,
        [](message_duplex<> d, const bytes& m) -> asio::awaitable<void> { co_await d.async_send(m); }(a, large),
        asio::detached);
    context.poll();
    bytes frame = raw.recv(100'000, 20s); // there is room again, but the coroutine has not noticed
    CHECK_FALSE(a.try_send("between"));
    std::jthread sending([&context] { context.run(); });
    constexpr std::size_t header = 4;
    frame.append(raw.recv(header + large.size() - frame.size(), 20s));
    CHECK(byte_view(byte_view(frame).subspan(header)) == large);
}

TEST_CASE("async: a coroutine that never has to wait lets others run")
{
    auto [r, w] = pipe(varint{});
    constexpr int count = 1000;
    for (int i = 0; i < count; ++i)
        w.send("x");
    asio::io_context context;
    int got = 0;
    asio::co_spawn(
        context,
        [](message_reader<> from, int& n) -> asio::awaitable<void> {
            for (; n < count; ++n)
                co_await from.async_recv();
        }(r, got),
        asio::detached);
    asio::post(context, [&] { CHECK(got < count); });
    context.run();
    CHECK(got == count);
}

TEST_CASE("async: a context that nobody runs any more does not keep the others waiting")
{
    auto [a, b] = socketpair();
    asio::io_context contexts[2];
    int got = 0;
    for (auto& context : contexts) {
        a.async_recv(asio::bind_executor(context, [&](error_code ec, bytes) { got += ec ? 0 : 1; }));
        context.poll();
        b.send("x");
        context.run_for(20s);
    }
    CHECK(got == 2);
}

TEST_CASE("async: a coroutine that waits already takes over the tail of a send that gives up later")
{
    auto [a, b] = socketpair(varint{});
    const bytes large = pattern(16'000'000);
    asio::io_context context;
    auto reply = asio::co_spawn(context, a.async_recv(), asio::use_future);
    context.poll();
    CHECK_THROWS_AS(a.send(large, deadline::now()), timeout_error);
    std::jthread receiving([&context] { context.run(); });
    CHECK(b.recv(20s) == large);
    b.send("reply");
    CHECK(reply.get() == byte_view("reply"));
}

TEST_CASE("async: a context at the place of one that has ended is not taken for it")
{
    auto [a, b] = socketpair();
    std::optional<asio::io_context> context;
    int got = 0;
    for (int i = 0; i < 3; ++i) {
        context.emplace();
        a.async_recv(asio::bind_executor(*context, [&](error_code ec, bytes) { got += ec ? 0 : 1; }));
        context->poll();
        b.send("x");
        context->run_for(5s);
        // A thread that waits takes the descriptor out of the hub, which does not learn then that the hub ends.
        CHECK(code_of([&, &own = a] { (void)own.recv(1ms); }) == errc::timed_out);
    }
    CHECK(got == 3);
}

TEST_CASE("async: a handler that can only be moved")
{
    auto [a, b] = socketpair();
    message_duplex<> messages(a);
    cross_lock lock;
    listener here("tcp://127.0.0.1:0");
    asio::io_context context;
    int called = 0;
    const auto handler = [&] {
        return asio::bind_executor(context, [&called, only = std::make_unique<int>(1)](error_code ec, auto&&...) {
            called += ec ? 0 : *only;
        });
    };
    b.send("four", timeout);
    a.async_recv(4, handler());
    a.async_send("x", handler());
    a.async_flush(timeout, handler());
    context.run();
    CHECK(called == 3);
    context.restart();
    message_duplex<>(b).send("message", timeout);
    messages.async_recv(timeout, handler());
    messages.async_send("message", handler());
    lock.async_lock(handler());
    here.async_accept(handler());
    async_connect(here.address(), handler());
    context.run();
    CHECK(called == 8);
}
