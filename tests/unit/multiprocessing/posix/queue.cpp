#include <ferrule/python/multiprocessing/queue.hpp>

#include "support/test.hpp"

TEST_CASE("queue: what is put comes out in order, and its limit ends a get")
{
    auto [reading, writing] = pipe_descriptors();
    py::queue_writer in(std::move(writing));
    py::queue_reader out(std::move(reading));
    CHECK_THROWS_AS(out.get(0s), timeout_error);
    in.put(py::tuple{1, "one"}, timeout);
    in.put(py::value(), timeout);
    CHECK(out.get(timeout) == py::value(py::tuple{1, "one"}));
    CHECK(out.get(timeout) == py::value());
    error_code ec;
    CHECK(out.get(until(0s), ec) == py::value());
    CHECK(ec == errc::timed_out);
}
