// Who is inside a channel, and when its descriptor may be closed.
#include "src/core/use_count.hpp"

#include "support/test.hpp"

using ferrule::detail::use_count;

TEST_CASE("use_count: the last one who leaves what is shut closes it, once")
{
    use_count c;
    const auto a = c.enter();
    const auto b = c.enter();
    CHECK_FALSE(c.leave(a));
    CHECK(c.shut());
    CHECK_FALSE(c.shut());
    CHECK(c.is_shut());
    const auto late = c.enter();
    CHECK_FALSE(c.leave(b));
    CHECK(c.leave(late)); // it was the last one inside
    CHECK_FALSE(c.leave(c.enter()));
    c.set_finished();
    c.wait_until_finished();
}

TEST_CASE("use_count: many threads come and go while one shuts, and one of them closes")
{
    for (int round = 0; round < 200; ++round) {
        use_count c;
        std::atomic<int> closed{0};
        std::atomic<bool> go{false};
        const auto leave = [&](std::uint32_t entered) {
            if (!c.leave(entered))
                return;
            ++closed;
            c.set_finished();
        };
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                while (!go)
                    std::this_thread::yield();
                while (!c.is_shut())
                    leave(c.enter());
            });
        go = true;
        const auto mine = c.enter();
        (void)c.shut();
        leave(mine);
        c.wait_until_finished();
        threads.clear();
        REQUIRE(closed == 1);
    }
}
