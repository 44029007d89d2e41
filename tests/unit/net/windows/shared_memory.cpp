#include "support/test.hpp"

#include <ferrule/net/shared_memory.hpp>
#include <ferrule/pair.hpp>

TEST_CASE("share_memory: Windows has none, and the endpoint stays as it was")
{
    auto [here, there] = socketpair();
    CHECK(code_of([&] { (void)share_memory(here, {}, timeout); }) == errc::unsupported);
    CHECK(code_of([&] { run(async_share_memory(here, {}, timeout)); }) == errc::unsupported);
    here.send("as before", timeout);
    CHECK(there.recv(9, timeout) == byte_view("as before"));
}
