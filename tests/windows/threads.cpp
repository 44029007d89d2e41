// What MinGW's C++ library does not do for us.
#include "platform/per_thread.hpp"

#include "support/watchdog.hpp"

#include <ferrule/framing/varint.hpp>
#include <ferrule/pair.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <stop_token>
#include <thread>

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

TEST_CASE("stop token: ends a wait in another thread, every time")
{
    const ferrule::test::watchdog guard("stop tokens");
    auto [r, w] = ferrule::pipe(ferrule::varint());
    for (int i = 0; i < 3000; ++i) {
        std::stop_source stop;
        std::jthread stopping([&] { stop.request_stop(); });
        ferrule::error_code ec;
        (void)r.recv(stop.get_token(), ec);
        REQUIRE(ec == ferrule::errc::cancelled);
    }
}
