// Objects that each thread has one of.
#include "platform/per_thread.hpp"

#include <catch2/catch.hpp>

#include <array>
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
