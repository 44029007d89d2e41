#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

TEST_CASE("client: with the key of the listener it connects, and speaks the framing that it names")
{
    py::listener<multiprocessing_bytes> l(py::listener_options().authkey("key"));
    auto accepted = std::async(std::launch::async, [&] { return l.accept(timeout); });
    auto connected = py::connect(l.address(), py::connect_options().authkey("key"), timeout, multiprocessing_bytes());
    auto peer = accepted.get();
    connected.send("hello", timeout);
    CHECK(peer.recv(timeout).text() == "hello");
}

TEST_CASE("client: where nobody listens it says so, or waits as long as it is told")
{
    const address nobody = local_address();
    error_code ec;
    (void)py::connect(nobody, {}, timeout, ec);
    CHECK(ec);
    (void)py::connect(nobody, py::connect_options().wait_for_listener(1h), 20ms, ec);
    CHECK(ec == errc::timed_out);
    CHECK_THROWS_AS(py::connect(address::tcp("127.0.0.1", 1), py::connect_options().same_user(), timeout), error);
}
