// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

TEST_CASE("descriptor: ends that are kept together are closed together")
{
    auto ends = pipe();
    const int a = ends.first.native_handle();
    const int b = ends.second.native_handle();
    CHECK(ends.close() == 0);
    CHECK(!is_open(a));
    CHECK(!is_open(b));
}
