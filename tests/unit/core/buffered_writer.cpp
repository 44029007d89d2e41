// The queue in front of a writer: many senders, stalling peers, and what it refuses.
#include <ferrule/buffered_writer.hpp>

#include "support/memory_pair.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

// Takes everything, and has no half-close.
class sink {
public:
    static io_result try_read(std::span<std::byte>) noexcept { return io_result::would_block(); }
    static io_result try_write(std::span<const byte_view> out) noexcept { return io_result::moved(total_size(out)); }
    static readiness arm(direction) noexcept { return readiness::now(); }
    static void close() noexcept {}
};

std::string text(std::size_t n)
{
    return std::string(pattern(n).text());
}

constexpr int messages = 300; // of each sender

std::string message(int sender, int i)
{
    return std::to_string(sender) + " " + std::to_string(i) + " " + std::string(static_cast<std::size_t>(i), '.');
}

asio::awaitable<void> talk(int sender, message_writer<lines> to, buffered_writer queue)
{
    for (int i = 0; i < messages; ++i) {
        const std::string m = message(sender, i);
        co_await to.async_send(m, timeout);
        if (i % 5 == 0)
            co_await queue.async_drain(timeout);
    }
}

} // namespace

TEST_CASE("buffered_writer: the default marks are those of asyncio")
{
    const buffered_writer_options o;
    CHECK(o.high_water_mark() == 64 * 1024);
    CHECK(o.low_water_mark() == 16 * 1024);
    const auto other = buffered_writer_options().water_marks(400);
    CHECK(other.high_water_mark() == 400);
    CHECK(other.low_water_mark() == 100);
    CHECK(buffered_writer_options().water_marks(1).low_water_mark() == 0);
}

TEST_CASE("buffered_writer: marks of which the low one is not below the high one are refused")
{
    for (const std::size_t high : {std::size_t{0}, std::size_t{7}})
        CHECK(code_of([&] { (void)buffered_writer_options().water_marks(high, high); }) == errc::invalid_argument);
}

TEST_CASE("buffered_writer: the peer may answer after the half-close")
{
    for (const style s : all_styles) {
        INFO(name(s));
        asio::thread_pool pool(1);
        auto [mine, peer] = socketpair();
        buffered_writer out(pool.get_executor(), mine);
        const std::string request = text(1'000'000);
        auto answered = std::async(std::launch::async, [&, d = peer]() mutable {
            CHECK(d.recv_all(timeout).text() == request);
            d.send("answer", timeout);
        });
        CHECK_FALSE(send(s, out, request, timeout).error);
        const auto o = call<std::size_t>(
            s,
            [&] {
                out.shutdown_send(timeout);
                return std::size_t{0};
            },
            [&](auto... token) { return out.async_shutdown_send(until(timeout), token...); });
        CHECK_FALSE(o.error);
        CHECK(out.unsent() == 0);
        CHECK(mine.recv(6, timeout).text() == "answer");
        answered.get();
    }
}

TEST_CASE("buffered_writer: what cannot be half-closed says so")
{
    asio::thread_pool pool(1);
    const duplex under{descriptor(sink())};
    buffered_writer out(pool.get_executor(), under);
    out.send("x", timeout);
    CHECK(code_of([&] { out.shutdown_send(timeout); }) == errc::unsupported);
    CHECK(out.unsent() == 0);
    CHECK(under.is_open());
}

TEST_CASE("buffered_writer: endpoints that are closed or have packets are refused")
{
    asio::io_context context;
    writer gone(memory_pair().first);
    gone.close();
    const writer packets(memory_packet_pair().first);
    CHECK(code_of([&] { buffered_writer(context.get_executor(), gone); }) == errc::closed);
    CHECK(code_of([&] { buffered_writer(context.get_executor(), writer()); }) == errc::closed);
    CHECK(code_of([&] { buffered_writer(context.get_executor(), packets); }) == errc::unsupported);
    CHECK(packets.is_open());
    buffered_writer none;
    CHECK(code_of([&] { none.send("x"); }) == errc::closed);
    CHECK(code_of([&] { none.drain(); }) == errc::closed);
}

// ---- many at once ----

TEST_CASE("buffered_writer: a peer that stalls costs bounded memory")
{
    auto [mine, peer] = socketpair();
    asio::thread_pool pool(1);
    buffered_writer out(pool.get_executor(), mine, buffered_writer_options().water_marks(10'000));
    const std::string packet = text(1000);
    std::size_t accepted = 0;
    for (int refused = 0; refused < 10;) {
        error_code ec;
        const std::size_t n = out.send(packet, 1ms, ec);
        accepted += n;
        REQUIRE((n == 0 || n == packet.size()));
        REQUIRE(out.unsent() <= 10'000);
        REQUIRE(accepted < 10'000'000);
        refused = n == 0 ? refused + 1 : 0;
    }
    mine = {};
    out = {};
    std::string expected;
    while (expected.size() < accepted)
        expected += packet;
    CHECK(peer.recv_all(timeout).text() == expected);
}

TEST_CASE("buffered_writer: messages of many threads and coroutines arrive whole, and in order for each")
{
    constexpr int senders = 3; // of each kind
    asio::thread_pool queues(2);
    asio::thread_pool coroutines(2);
    auto [mine, peer] = socketpair();
    buffered_writer buffered(queues.get_executor(), mine, buffered_writer_options().water_marks(2000, 500));
    const message_writer<lines> out(buffered);
    std::vector<std::jthread> threads;
    for (int n = 0; n < senders; ++n) {
        threads.emplace_back([&, n, to = out]() mutable {
            for (int i = 0; i < messages; ++i) {
                to.send(message(n, i), timeout);
                if (i % 7 == n)
                    buffered.drain(timeout);
            }
        });
        asio::co_spawn(coroutines, talk(senders + n, out, buffered), asio::detached);
    }
    message_reader<lines> in{reader(peer)};
    std::map<int, int> next;
    for (int n = 0; n < 2 * senders * messages; ++n) {
        const bytes m = in.recv(timeout);
        const int sender = std::stoi(std::string(m.text()));
        REQUIRE(m == byte_view(message(sender, next[sender])));
        ++next[sender];
    }
    coroutines.join();
    CHECK(buffered.close(timeout) == 0);
}

TEST_CASE("buffered_writer: what is received at the same endpoint does not mind")
{
    asio::thread_pool pool(1);
    auto [mine, peer] = socketpair(lines());
    message_writer<lines> out(buffered_writer(pool.get_executor(), mine.as_bytes()));
    for (int i = 0; i < 100; ++i) {
        out.send(std::to_string(i), timeout);
        CHECK(peer.recv(timeout).text() == std::to_string(i));
        peer.send("answer", timeout);
        CHECK(mine.recv(timeout).text() == "answer");
    }
}
