// Who is inside a channel, and when its descriptor may be closed.
#include "src/use_count.hpp"

#include "support/catch.hpp"
#include "support/system.hpp"
#include "support/watchdog.hpp"

#include <atomic>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

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
    const ferrule::test::watchdog guard("use_count");
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

TEST_CASE("use_count: in the child of a fork nobody is inside")
{
    use_count c;
    const auto in_the_parent = c.enter();
    const pid_t child = ::fork();
    if (child == 0) {
        const auto mine = c.enter();
        const bool first = c.shut();
        const bool last = c.leave(mine);
        const bool twice = c.leave(in_the_parent);
        ::_exit(first && last && !twice ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK_FALSE(c.leave(in_the_parent));
}
