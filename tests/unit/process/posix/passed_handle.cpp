#include <ferrule/process/passed_handle.hpp>

#include "support/test.hpp"

TEST_CASE("passed_handle: has a duplicate of an endpoint's handle, and closes it")
{
    auto [r, w] = pipe();
    {
        passed_handle h(w, "lines");
        CHECK(h.framing() == "lines");
        CHECK(h.native_handle() != w.native_handle());
        w.close();
        writer copy(h.open());
        CHECK(h.native_handle() == invalid_handle);
        copy.send("still open", timeout);
        CHECK(r.recv(10, timeout).text() == "still open");
    }
    CHECK_THROWS_AS(r.recv(timeout), eof_error);
}

TEST_CASE("passed_handle: none is made of an endpoint that is closed or has read ahead")
{
    auto [r, w] = pipe();
    w.send("more than asked", timeout);
    (void)r.recv(4, timeout);
    CHECK(code_of([&] { passed_handle h(r); }) == errc::read_ahead);
    w.close();
    CHECK(code_of([&] { passed_handle h(w); }) == errc::closed);
}
