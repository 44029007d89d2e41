// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

TEST_CASE("descriptor: pairs are close-on-exec from the start and leave nothing open")
{
    const auto before = open_descriptors();
    {
        auto p = pipe();
        auto s = socketpair(varint());
        for (const int fd :
             {p.first.native_handle(), p.second.native_handle(), s.first.native_handle(), s.second.native_handle()})
            CHECK(closes_on_exec(fd));
        CHECK(open_descriptors().size() == before.size() + 4);
    }
    CHECK(open_descriptors() == before);
}
