// Bad use and bad peers: typed errors, and a stream that is as it was.

#include "support/raw_link.hpp"
#include "support/test.hpp"

TEST_CASE("misuse: sending nothing succeeds at once")
{
    raw_link w;
    fill(w.mine.native_handle());
    CHECK(w.mine.send("", deadline::now()) == 0);
    CHECK(w.mine.send(buffers(), deadline::now()) == 0);
    CHECK(w.mine.send(bytes(), deadline::now()) == 0);
    CHECK(run(w.mine.async_send("")) == 0);
}
