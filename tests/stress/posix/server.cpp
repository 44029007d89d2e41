// Many connections at one server, with peers that stall, leave, and are cut off. POSIX only, because it counts descriptors.
//
//     FERRULE_SECONDS=n   how long
#include <ferrule/net/async_server.hpp>

#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/random.hpp"
#include "support/test.hpp"

#include <malloc.h>

namespace {

/// What the clients have done.
struct tally {
    std::atomic<std::uint64_t> echoed = 0;
    std::atomic<std::uint64_t> left = 0;
    std::atomic<std::uint64_t> reset = 0;
    std::atomic<std::uint64_t> wrong = 0;
};

asio::awaitable<void> stall(std::chrono::microseconds d)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, d);
    co_await timer.async_wait(asio::use_awaitable);
}

/// The connection ends as if the process had been killed with data that nobody has read.
void cut_off(message_duplex<>& c)
{
    const linger now{1, 0};
    must(::setsockopt(c.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now));
    c.close();
}

asio::awaitable<void> client(address to, std::uint32_t number, deadline end, tally& t)
{
    dice roll(number);
    std::string message;
    while (!end.expired()) {
        auto c = co_await async_connect(to, varint(), timeout);
        for (bool stays = true; stays && !end.expired();) {
            message.assign(roll(roll.one_in(20) ? 100'000 : 200), static_cast<char>('a' + roll(26)));
            message += std::to_string(roll(1'000'000));
            switch (roll(12)) {
            case 0: co_await stall(std::chrono::microseconds(roll(20'000))); break;
            case 1: // leaves an unfinished message
                co_await c.as_bytes().async_send(std::string("\x64", 1) + "half", timeout);
                stays = false;
                ++t.left;
                break;
            case 2:
                co_await c.async_send(message, timeout);
                cut_off(c);
                stays = false;
                ++t.reset;
                break;
            default: {
                co_await c.async_send(message, timeout);
                const bytes answer = co_await c.async_recv(timeout);
                ++(answer == byte_view(message) ? t.echoed : t.wrong);
            }
            }
        }
    }
}

/// Sends, and never reads.
asio::awaitable<void> greedy(address to, deadline end)
{
    auto c = co_await async_connect(to, varint(), timeout);
    const std::string much(1'000'000, 'x');
    try {
        for (;;)
            co_await c.async_send(much, end);
    } catch (const timeout_error&) {
    }
    cut_off(c);
}

std::size_t heap_in_use()
{
    return ::mallinfo2().uordblks;
}

} // namespace

TEST_CASE("server: a thousand peers that stall, leave and are cut off lose nothing, and leave nothing behind")
{
    const std::chrono::seconds length(number_from("FERRULE_SECONDS", 3));
    restart_watchdog(usual_limit + length);
    rlimit files{};
    must(::getrlimit(RLIMIT_NOFILE, &files));
    const unsigned long before = exchange_limit(RLIMIT_NOFILE, files.rlim_max);
    // Each takes up to five descriptors: two sockets, and what asynchronous waits need.
    const auto count = static_cast<std::uint32_t>(std::min<rlim_t>(sanitized ? 200 : 1000, (files.rlim_max - 200) / 6));
    const auto descriptors = settled_descriptors();
    tally t;
    std::size_t early = 0;
    std::size_t late = 0;
    {
        asio::thread_pool servers(2);
        async_server s(servers.get_executor(), listener("tcp://127.0.0.1:0", varint(), listen_options().backlog(2000)),
                       [](message_duplex<> peer) -> asio::awaitable<void> {
                           while (const auto m = co_await peer.async_next())
                               co_await peer.async_send(*m);
                       });
        asio::thread_pool clients(2);
        const deadline end(length);
        std::vector<std::future<void>> all;
        for (std::uint32_t i = 0; i < count; ++i)
            all.push_back(asio::co_spawn(clients, client(s.address(), i, end, t), asio::use_future));
        for (int i = 0; i < 10; ++i)
            all.push_back(asio::co_spawn(clients, greedy(s.address(), end), asio::use_future));
        while (t.echoed < 2 * count)
            std::this_thread::yield();
        early = heap_in_use();
        for (auto& f : all)
            CHECK_NOTHROW(f.get());
        late = heap_in_use();
        CHECK(s.close(timeout) == 0);
        CHECK(s.size() == 0);
    }
    std::printf("%u connections, %llu echoed, %llu left, %llu cut off; heap %zu KiB early, %zu KiB late\n", count,
                static_cast<unsigned long long>(t.echoed), static_cast<unsigned long long>(t.left),
                static_cast<unsigned long long>(t.reset), early / 1024, late / 1024);
    CHECK(t.wrong == 0);
    CHECK(t.left > 0);
    CHECK(t.reset > 0);
    CHECK(settled_descriptors() == descriptors);
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
    CHECK(late < early + 4 * 1024 * 1024); // early, all connections were there; late, they have just ended
#endif
    exchange_limit(RLIMIT_NOFILE, before);
}
