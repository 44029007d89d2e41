// Who is inside a channel, and when its descriptor may be closed.
#include "src/core/use_count.hpp"

#include "support/test.hpp"

#include <sys/wait.h>
#include <unistd.h>

using ferrule::detail::use_count;

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
