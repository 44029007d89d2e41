// Threads: many of them, and what MinGW's C++ library does not do for us.
#include "platform/per_thread.hpp"

#include "support/test.hpp"

#include <winsock2.h>

#include <windows.h>

namespace {

int intact = 0;

struct careful {
    ~careful()
    {
        bool same = true;
        for (const careful* const volatile p : itself)
            same = same && p == this;
        intact += same ? 1 : 0;
    }

    std::array<careful*, 8> itself = {this, this, this, this, this, this, this, this};
};

} // namespace

TEST_CASE("per thread: an object is destroyed when its thread ends, and before its memory is freed")
{
    constexpr int threads = 20;
    for (int i = 0; i < threads; ++i)
        std::thread([] { (void)ferrule::os::per_thread<careful>(); }).join();
    CHECK(intact == threads);
}

TEST_CASE("waiting: one context and many threads wait for more ends than one wait of Windows takes handles")
{
    using namespace ferrule;
    constexpr std::size_t ends = 2 * MAXIMUM_WAIT_OBJECTS;
    std::vector<decltype(pipe(varint()))> pipes;
    for (std::size_t i = 0; i < ends; ++i)
        pipes.push_back(pipe(varint()));
    boost::asio::io_context context;
    std::atomic<std::size_t> arrived = 0;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < ends; ++i) {
        if (i % 2 == 0)
            pipes[i].first.async_recv(boost::asio::bind_executor(
                context, [&, i](error_code, bytes m) { arrived += m.text() == std::to_string(i) ? 1 : 0; }));
        else
            threads.emplace_back([&, i] { arrived += pipes[i].first.recv().text() == std::to_string(i) ? 1 : 0; });
    }
    context.poll();
    for (std::size_t i = ends; i-- > 0;)
        pipes[i].second.send(std::to_string(i));
    context.run();
    threads.clear();
    CHECK(arrived == ends);
}

TEST_CASE("stop token: ends a wait in another thread, every time")
{
    auto [r, w] = ferrule::pipe(ferrule::varint());
    for (int i = 0; i < 3000; ++i) {
        std::stop_source stop;
        std::jthread stopping([&] { stop.request_stop(); });
        ferrule::error_code ec;
        (void)r.recv(stop.get_token(), ec);
        REQUIRE(ec == ferrule::errc::cancelled);
    }
}
