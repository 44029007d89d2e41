#include <ferrule/framing/multiprocessing_pipe.hpp>

#include "support/test.hpp"

TEST_CASE("multiprocessing_pipe: on a stream its messages have the header of Python's connections")
{
    CHECK(to_hex(frame_of(multiprocessing_pipe_bytes(), "abc")) == "00000003616263");
    auto [a, b] = socketpair(multiprocessing_pipe());
    a.send(python::tuple{1, "two"}, timeout);
    CHECK(b.recv(timeout) == python::value(python::tuple{1, "two"}));
}
