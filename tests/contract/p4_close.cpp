// P4: close() answers everybody, and the descriptor number is released only after the last of them has left.
#include "support/connection.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

// 16 threads and 16 coroutines on two contexts do `blocking` and `async`, which never end by themselves.
template <class Endpoint, class Blocking, class Async>
void close_against_32(Endpoint& e, Blocking blocking, Async async)
{
    std::atomic<int> closed{0};
    std::atomic<int> begun{0};
    const auto note = [&closed](std::exception_ptr p) {
        try {
            std::rethrow_exception(p);
        } catch (const closed_error&) {
            ++closed;
        } catch (...) {
        }
    };
    {
        asio::io_context contexts[2];
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i) {
            asio::co_spawn(contexts[i % 2], async(e), note);
            threads.emplace_back([&] {
                ++begun;
                try {
                    blocking(e);
                } catch (...) {
                    note(std::current_exception());
                }
            });
        }
        for (auto& c : contexts)
            threads.emplace_back([&] {
                ++begun;
                c.run();
            });
        while (begun != 18)
            std::this_thread::yield();
        e.close();
    }
    CHECK(closed == 32);
    CHECK_FALSE(e.is_open());
    CHECK_THROWS_AS(blocking(e), closed_error);
    CHECK(e.close() == 0);
}

} // namespace

TEST_CASE("P4: close wakes 32 that wait for bytes")
{
    for (const testing::connection_kind& k : streams_with_end())
        for (int round = 0; round < 5; ++round) {
            INFO(k.name);
            connection l(k);
            writer silent(std::move(l.sender));
            reader r(std::move(l.receiver));
            close_against_32(
                r, [](reader& x) { x.recv(); }, [](reader& x) -> asio::awaitable<void> { co_await x.async_recv(); });
            // The descriptor is closed as well, which the peer notices.
            error_code ec;
            while (!ec)
                silent.send("x", {}, ec);
            CHECK(ec == condition::broken);
        }
}

TEST_CASE("P4: close wakes 32 that wait to send")
{
    static const bytes large = pattern(16'000'000); // nobody reads
    for (const testing::connection_kind& k : streams_with_end())
        for (int round = 0; round < 3; ++round) {
            INFO(k.name);
            connection l(k);
            reader deaf(std::move(l.receiver));
            message_writer<> w(std::move(l.sender));
            close_against_32(
                w, [](message_writer<>& x) { x.send(large); },
                [](message_writer<>& x) -> asio::awaitable<void> { co_await x.async_send(large); });
            error_code ec;
            while (!ec)
                deaf.recv({}, ec);
            // Without room to announce the end, TLS tells that the stream was cut.
            CHECK((ec == errc::end_of_stream || (k.name == "TLS" && ec == errc::truncated)));
        }
}

TEST_CASE("P4: close wakes what waits on a context that does not run, as soon as it runs")
{
    auto [a, b] = socketpair();
    asio::io_context idle;
    error_code first;
    error_code second;
    a.async_recv(asio::bind_executor(idle, [&](error_code ec, bytes) { first = ec; }));
    a.async_recv(asio::bind_executor(idle, [&](error_code ec, bytes) { second = ec; }));
    std::jthread blocked([&, d = a]() mutable { CHECK_THROWS_AS(d.recv(), closed_error); });
    a.close();
    blocked.join();
    CHECK_THROWS_AS(b.recv(20s), eof_error); // waiting for readiness is no use of the descriptor
    idle.run();
    CHECK(first == errc::closed);
    CHECK(second == errc::closed);
}

TEST_CASE("P4: a closed number that is taken by somebody else is not touched")
{
    for (int round = 0; round < 50; ++round) {
        auto [a, b] = socketpair();
        std::jthread reading([&, d = a]() mutable {
            error_code ec;
            while (!ec)
                d.recv({}, ec);
            CHECK(ec == errc::closed);
        });
        b.send("x");
        a.close();
        // Very likely the same number; what is sent here must arrive here.
        auto [c, d] = socketpair();
        c.send("mine");
        CHECK(d.recv(4, 20s) == byte_view("mine"));
        d.send("yours");
        CHECK(c.recv(5, 20s) == byte_view("yours"));
    }
}

TEST_CASE("P4: the channel lives as long as operations that use it")
{
    asio::io_context context;
    error_code result;
    bytes got;
    auto ends = socketpair();
    ends.first.async_recv(asio::bind_executor(context, [&](error_code ec, bytes b) {
        result = ec;
        got = std::move(b);
    }));
    ends.first = duplex();
    ends.second.send("late");
    context.run();
    CHECK_FALSE(result);
    CHECK(got == byte_view("late"));
    CHECK_THROWS_AS(ends.second.recv(), eof_error); // and no longer
}

TEST_CASE("P4: a context that ends while an operation waits passes the stream on unharmed")
{
    for (int steps = 0; steps < 3; ++steps) {
        auto [a, b] = socketpair(varint{});
        {
            asio::io_context context;
            a.async_recv(asio::bind_executor(context, [](error_code, bytes) { FAIL("ran"); }));
            a.async_recv(asio::bind_executor(context, [](error_code, bytes) { FAIL("ran"); }));
            if (steps > 0)
                context.poll();
            if (steps > 1) {
                writer(b.channel(), {})
                    .send("\x05"
                          "he");
                context.run_one();
            }
        }
        if (steps > 1)
            writer(b.channel(), {}).send("llo");
        else
            b.send("hello");
        CHECK(a.recv(20s) == byte_view("hello"));
        // And another context can take over.
        asio::io_context context;
        b.send("again");
        const auto o = recv(style::callback, a, 20s);
        CHECK(o.value == byte_view("again"));
    }
}
