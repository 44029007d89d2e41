#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include "support/test.hpp"

TEST_CASE("shared handle: an end that is offered is fetched once, and works")
{
    auto [r, w] = pipe();
    py::offered_handle offer(w, "key");
    w.close();
    auto handing = std::async(std::launch::async, [&] { offer.hand_over(timeout); });
    passed_handle h = py::fetch_handle(offer.as_connection(false, true), "key", timeout);
    handing.get();
    writer fetched(h.open());
    fetched.send("through", timeout);
    CHECK(r.recv(7, timeout).text() == "through");
}

TEST_CASE("shared handle: what is no connection that was sent is an invalid value")
{
    CHECK_THROWS_AS(py::fetch_handle(py::value(7), "key", timeout), frame_error);
}
