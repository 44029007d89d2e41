// P3: threads and coroutines on several contexts use one duplex at once; no frame is interleaved or lost.
#include "support/connection.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"
#include "support/work_for.hpp"

namespace {

constexpr int senders = 32; // threads, and as many coroutines
constexpr int frames = 30;  // each

// A frame that tells who sent it and whether it is whole.
bytes frame(std::uint32_t who, std::uint32_t number, std::size_t size)
{
    bytes b = pattern(8 + size, who + number);
    std::memcpy(b.data(), &who, 4);
    std::memcpy(b.data() + 4, &number, 4);
    return b;
}

class ledger {
public:
    void note(const bytes& b)
    {
        std::uint32_t who;
        std::uint32_t number;
        REQUIRE(b.size() >= 8);
        std::memcpy(&who, b.data(), 4);
        std::memcpy(&number, b.data() + 4, 4);
        const bool whole = b == frame(who, number, b.size() - 8);
        const std::lock_guard guard(mutex_);
        REQUIRE(whole);
        ++seen_[{who, number}];
    }
    // Each frame of each sender exactly once.
    void check(std::uint32_t everybody) const
    {
        CHECK(seen_.size() == static_cast<std::size_t>(everybody) * frames);
        for (const auto& [key, times] : seen_)
            CHECK(times == 1);
    }

private:
    std::mutex mutex_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> seen_;
};

template <class Duplex>
asio::awaitable<void> send_some(Duplex d, std::uint32_t who)
{
    dice roll(who);
    for (std::uint32_t i = 0; i < frames; ++i) {
        const bytes b = frame(who, i, roll(roll.one_in(10) ? 100'000 : 300));
        for (bool accepted = false; !accepted;) {
            if (roll.one_in(8)) {
                // Interrupted sends are not torn: in flight counts as sent, not started is tried again.
                const std::chrono::microseconds d_short(roll(200));
                const auto [ec, n] = co_await d.async_send(b, d_short, asio::as_tuple(asio::use_awaitable));
                accepted = !ec || n != 0;
            } else {
                co_await d.async_send(b);
                accepted = true;
            }
        }
    }
}

template <class Duplex>
asio::awaitable<void> receive_all(Duplex d, ledger& l, std::atomic<int>& left)
{
    while (left > 0) {
        const auto [ec, b] = co_await d.async_recv(2ms, asio::as_tuple(asio::use_awaitable));
        if (!ec) {
            l.note(b);
            --left;
        }
    }
}

template <class Framing>
void everybody_at_once(std::string_view over)
{
    connection l(kind(over));
    message_duplex<Framing> a(std::move(l.sender));
    message_duplex<Framing> b(std::move(l.receiver));
    ledger there;
    ledger back;
    std::atomic<int> left_there{2 * senders * frames};
    std::atomic<int> left_back{2 * senders * frames};
    std::atomic<int> trouble{0};
    const auto no_trouble = [&](std::exception_ptr e) { trouble += e ? 1 : 0; };
    asio::io_context contexts[2];
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < senders; ++i) {
        asio::co_spawn(contexts[i % 2], send_some(a, 1000 + i), no_trouble);
        asio::co_spawn(contexts[(i + 1) % 2], send_some(b, 2000 + i), no_trouble);
    }
    for (int i = 0; i < 2; ++i) {
        asio::co_spawn(contexts[i], receive_all(b, there, left_there), no_trouble);
        asio::co_spawn(contexts[i], receive_all(a, back, left_back), no_trouble);
    }
    for (auto& c : contexts)
        threads.emplace_back([&c] { c.run(); });
    const auto send_from_thread = [](message_duplex<Framing> d, std::uint32_t who) {
        dice roll(who);
        for (std::uint32_t k = 0; k < frames; ++k)
            d.send(frame(who, k, roll(300)));
    };
    for (std::uint32_t i = 0; i < senders; ++i) {
        threads.emplace_back(send_from_thread, a, 3000 + i);
        threads.emplace_back(send_from_thread, b, 4000 + i);
    }
    const auto receive_in_thread = [](message_duplex<Framing> d, ledger& notes, std::atomic<int>& left) {
        while (left > 0) {
            error_code ec;
            const bytes got = d.recv(2ms, ec);
            if (!ec) {
                notes.note(got);
                --left;
            }
        }
    };
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back(receive_in_thread, b, std::ref(there), std::ref(left_there));
        threads.emplace_back(receive_in_thread, a, std::ref(back), std::ref(left_back));
    }
    threads.clear();
    CHECK(trouble == 0);
    there.check(2 * senders);
    back.check(2 * senders);
}

} // namespace

TEST_CASE("P3: 64 threads and 64 coroutines on two contexts share one connection, in memory")
{
    restart_watchdog(240s);
    everybody_at_once<varint>("memory stream");
}

TEST_CASE("P3: 64 threads and 64 coroutines on two contexts share one connection, socketpair")
{
    restart_watchdog(240s);
    everybody_at_once<varint>("socketpair");
}

TEST_CASE("P3: 64 threads and 64 coroutines on two contexts share one connection, tcp")
{
    restart_watchdog(240s);
    everybody_at_once<multiprocessing_bytes>("TCP");
}

TEST_CASE("P3: a coroutine whose context has long turns receives beside a thread that receives all the time")
{
    constexpr int wanted = 10;
    auto [in, out] = ferrule::socketpair(multiprocessing_bytes());
    std::atomic<bool> over{false};
    const std::jthread feeder([&e = out, &over] {
        while (!over) {
            e.send("x");
            work_for(1ms);
        }
        e.close();
    });
    const std::jthread receiver([&e = in] {
        for (error_code ec; !ec;)
            e.recv({}, ec);
    });
    asio::io_context context;
    int received = 0;
    int turns = 0;
    std::function<void()> turn = [&] {
        ++turns;
        work_for(15ms);
        if (received < wanted)
            asio::post(context, turn);
    };
    turn();
    asio::co_spawn(
        context,
        [](auto& e, int& n) -> asio::awaitable<void> {
            for (; n < wanted; ++n)
                co_await e.async_recv();
        }(in, received),
        asio::detached);
    context.run();
    over = true;
    CHECK(turns < wanted * 7 * 3); // the bound is 7 turns each, if the thread receives all the time
}

TEST_CASE("P3: contexts that come and go lose nothing for the others")
{
    restart_watchdog(240s);
    connection l(kind("socketpair"));
    message_duplex<> a(std::move(l.sender));
    message_duplex<> b(std::move(l.receiver));
    constexpr int count = 2000;
    std::atomic<int> got{0};
    std::jthread sending([&] {
        for (std::uint32_t i = 0; i < count; ++i)
            a.send(frame(1, i, 10));
    });
    std::vector<std::jthread> threads;
    for (std::uint32_t k = 0; k < 3; ++k)
        threads.emplace_back([&, k] {
            dice roll(k);
            while (got < count) {
                asio::io_context context; // dies with operations of both kinds of waiting
                for (int i = 0; i < 3; ++i)
                    b.async_recv(1ms, asio::bind_executor(context, [&](error_code ec, bytes m) {
                                     if (!ec) {
                                         REQUIRE(m.size() == 18);
                                         ++got;
                                     }
                                 }));
                for (std::uint32_t i = roll(6); i > 0; --i)
                    context.poll_one();
                // What has been taken off the stream for a handler must be delivered: only what waits may die.
                context.run_for(std::chrono::milliseconds(roll(3)));
                if (roll.one_in(2))
                    context.run();
            }
        });
    threads.clear();
    CHECK(got == count);
}
