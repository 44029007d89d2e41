// What an operator throws away has not happened: no bytes taken off the stream, nothing sent, no lock taken.
#include "support/test.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#if __has_include(<boost/asio/cancel_after.hpp>) // from Boost 1.86 on
#endif

using namespace boost::asio::experimental::awaitable_operators;

namespace {

enum class token : unsigned char { none, use_awaitable, tuple };
constexpr token all_tokens[] = {token::none, token::use_awaitable, token::tuple};

constexpr auto tuple_token = asio::as_tuple(asio::use_awaitable);

/// Receives by way of a token; empty on error.
asio::awaitable<bytes> receive(message_duplex<> r, token t, until limit)
{
    switch (t) {
    case token::none: co_return co_await r.async_recv(limit);
    case token::use_awaitable: co_return co_await r.async_recv(limit, asio::use_awaitable);
    case token::tuple: break;
    }
    auto [ec, m] = co_await r.async_recv(limit, tuple_token);
    if (ec)
        throw_error(ec);
    co_return std::move(m);
}

asio::awaitable<void> send(message_duplex<> w, token t, until limit)
{
    switch (t) {
    case token::none: co_await w.async_send("sent", limit); co_return;
    case token::use_awaitable: co_await w.async_send("sent", limit, asio::use_awaitable); co_return;
    case token::tuple: break;
    }
    const auto [ec, n] = co_await w.async_send("sent", limit, tuple_token);
    if (ec)
        throw_error(ec);
}

asio::awaitable<void> lock(cross_lock& l, token t, until limit)
{
    switch (t) {
    case token::none: co_await l.async_lock(limit); co_return;
    case token::use_awaitable: co_await l.async_lock(limit, asio::use_awaitable); co_return;
    case token::tuple: break;
    }
    const auto [ec] = co_await l.async_lock(limit, tuple_token);
    if (ec)
        throw_error(ec);
}

asio::awaitable<void> nothing()
{
    co_return;
}

/// Runs a coroutine to its end on one thread, and on a pool with a strand.
template <class Make>
void everywhere(Make make)
{
    {
        asio::io_context context;
        auto f = asio::co_spawn(context, make(), asio::use_future);
        context.run();
        f.get();
    }
    {
        asio::thread_pool pool(3);
        asio::co_spawn(asio::make_strand(pool), make(), asio::use_future).get();
    }
}

/// The same with every token, without and with a limit.
template <class Make>
void in_every_way(Make make)
{
    for (const token t : all_tokens)
        for (const until& limit : {until(), until(20s)})
            everywhere([&] { return make(t, limit); });
}

} // namespace

TEST_CASE("combinators: a receive that loses takes nothing")
{
    in_every_way([](token t, until limit) -> asio::awaitable<void> {
        auto [a, peer] = socketpair(varint{});
        for (int i = 0; i < 20; ++i) {
            const std::string text = std::to_string(i);
            peer.send(text);
            auto winner = co_await (nothing() || receive(a, t, limit));
            std::optional<bytes> got;
            if (winner.index() == 0)
                got = a.try_recv();
            else // both were possible
                got = std::move(std::get<1>(winner));
            CHECK((got && got->text() == text));
            CHECK_FALSE(a.try_recv());
        }
    });
}

TEST_CASE("combinators: of two receives that are both possible one takes its message")
{
    in_every_way([](token t, until limit) -> asio::awaitable<void> {
        auto [a, peer_a] = socketpair(varint{});
        auto [b, peer_b] = socketpair(varint{});
        for (int i = 0; i < 20; ++i) {
            peer_a.send("a");
            peer_b.send("b");
            const auto winner = co_await (receive(a, t, limit) || receive(b, t, limit));
            CHECK((winner.index() == 0 ? std::get<0>(winner).text() == "a" : std::get<1>(winner).text() == "b"));
            CHECK(a.try_recv().has_value() == (winner.index() == 1));
            CHECK(b.try_recv().has_value() == (winner.index() == 0));
        }
    });
}

TEST_CASE("combinators: a send that loses sends nothing, and one of a pair that both win arrives")
{
    in_every_way([](token t, until limit) -> asio::awaitable<void> {
        auto [a, peer] = socketpair(varint{});
        for (int i = 0; i < 20; ++i) {
            const auto winner = co_await (nothing() || send(a, t, limit));
            CHECK(peer.try_recv().has_value() == (winner.index() == 1));
            co_await (nothing() && send(a, t, limit));
            CHECK(peer.try_recv());
        }
    });
}

TEST_CASE("combinators: a lock that loses is not taken")
{
    in_every_way([](token t, until limit) -> asio::awaitable<void> {
        cross_lock l;
        for (int i = 0; i < 20; ++i) {
            const auto winner = co_await (nothing() || lock(l, t, limit));
            CHECK(l.locked() == (winner.index() == 1));
            if (l.locked())
                l.unlock();
        }
        cross_lock m;
        const auto winner = co_await (lock(l, t, limit) || lock(m, t, limit));
        CHECK(l.locked() == (winner.index() == 0));
        CHECK(m.locked() == (winner.index() == 1));
        (l.locked() ? l : m).unlock();
    });
}

// Two at a time: in `a || b || c` Asio gives the result of `a || b` to an inner operation first, which `c` can still beat.
TEST_CASE("combinators: races between receives and timers lose and repeat nothing")
{
    constexpr int messages = 300;
    for (const token t : all_tokens) {
        for (const bool limited : {false, true}) {
            asio::thread_pool pool(3);
            auto [a, peer_a] = socketpair(varint{});
            auto [b, peer_b] = socketpair(varint{});
            const auto feed = [](message_duplex<> to, std::uint32_t stream) {
                dice d(stream);
                for (int i = 0; i < messages; ++i) {
                    to.send(std::to_string(i));
                    for (auto n = d(200); n != 0; --n)
                        std::this_thread::yield();
                }
            };
            std::jthread feeding_a(feed, peer_a, 1);
            std::jthread feeding_b(feed, peer_b, 2);
            int next_a = 0;
            int next_b = 0;
            const auto read = [&]() -> asio::awaitable<void> {
                const until limit = limited ? until(20s) : until();
                asio::steady_timer timer(co_await asio::this_coro::executor);
                dice d(3);
                while (next_a != messages || next_b != messages) {
                    timer.expires_after(std::chrono::microseconds(d(100)));
                    const auto tick = [&] { return timer.async_wait(asio::use_awaitable); };
                    const auto read_a = [&](const bytes& m) { CHECK(m.text() == std::to_string(next_a++)); };
                    const auto read_b = [&](const bytes& m) { CHECK(m.text() == std::to_string(next_b++)); };
                    if (next_a == messages || (next_b != messages && d.one_in(3))) {
                        const auto w = co_await (receive(b, t, limit) || tick());
                        if (w.index() == 0)
                            read_b(std::get<0>(w));
                    } else if (next_b == messages || d.one_in(2)) {
                        const auto w = co_await (tick() || receive(a, t, limit));
                        if (w.index() == 1)
                            read_a(std::get<1>(w));
                    } else {
                        const auto w = co_await (receive(a, t, limit) || receive(b, t, limit));
                        w.index() == 0 ? read_a(std::get<0>(w)) : read_b(std::get<1>(w));
                    }
                }
            };
            asio::co_spawn(asio::make_strand(pool), read(), asio::use_future).get();
        }
    }
}

TEST_CASE("combinators: a parallel group runs where its operations are bound to")
{
    asio::io_context context(1);
    auto [a, peer] = socketpair(varint{});
    const auto me = std::this_thread::get_id();
    int received = 0;
    int groups = 0;
    std::function<void()> go = [&] {
        if (received == 50)
            return;
        if (++groups % 2 == 0)
            peer.send("x");
        auto timer = std::make_shared<asio::steady_timer>(context, 50us);
        asio::experimental::make_parallel_group(a.async_recv(asio::bind_executor(context, asio::deferred)),
                                                timer->async_wait(asio::deferred))
            .async_wait(asio::experimental::wait_for_one(),
                        asio::bind_executor(context, [&, timer](auto, error_code ec, bytes m, error_code) {
                            CHECK(std::this_thread::get_id() == me);
                            if (!ec)
                                CHECK(m.text() == "x");
                            received += !ec;
                            go();
                        }));
    };
    go();
    context.run();
    CHECK(received == 50);
}

TEST_CASE("combinators: without throw_if_cancelled a cancel ends the operation under way")
{
    for (const token t : all_tokens) {
        for (int round = 0; round < 200; ++round) {
            asio::io_context context(1);
            auto [a, b] = socketpair(varint{});
            asio::cancellation_signal signal;
            error_code ended;
            asio::co_spawn(
                context,
                [&, in = a]() -> asio::awaitable<void> {
                    co_await asio::this_coro::throw_if_cancelled(false);
                    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
                    try {
                        (void)co_await receive(in, t, {});
                    } catch (const error& e) {
                        ended = e.code();
                    }
                },
                asio::bind_cancellation_slot(signal.slot(), asio::detached));
            context.poll();
            signal.emit(asio::cancellation_type::total);
            // A sender that leaves a tail behind wakes the receive at the same time.
            static const std::string large(3'000'000, 'x');
            error_code ec;
            std::thread([&, out = a]() mutable { out.send(large, 0s, ec); }).join();
            context.run();
            REQUIRE(ended == errc::cancelled);
        }
    }
}

#if __has_include(<boost/asio/cancel_after.hpp>)
TEST_CASE("combinators: what cancel_after ends has taken nothing, and what it does not end is delivered")
{
    everywhere([]() -> asio::awaitable<void> {
        auto [a, peer] = socketpair(varint{});
        cross_lock l;
        asio::steady_timer timer(co_await asio::this_coro::executor);
        for (int i = 0; i < 20; ++i) {
            const auto [late, none] = co_await a.async_recv(asio::cancel_after(timer, 100us, tuple_token));
            CHECK(late == errc::cancelled);
            CHECK(none.empty());
            peer.send("x");
            const auto [ec, m] = co_await a.async_recv(20s, asio::cancel_after(timer, 20s, tuple_token));
            CHECK(!ec);
            CHECK(m.text() == "x");
            peer.send("y"); // either may win
            const auto [tie, y] = co_await a.async_recv(asio::cancel_after(timer, 0s, tuple_token));
            CHECK((tie ? a.try_recv().has_value() : y.text() == "y"));
            const auto [locked] = co_await l.async_lock(asio::cancel_after(timer, 0s, tuple_token));
            CHECK(l.locked() == !locked);
            if (l.locked())
                l.unlock();
        }
    });
}
#endif
