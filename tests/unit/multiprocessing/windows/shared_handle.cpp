// Connections of pipes that go from process to process in messages, as CPython's `reduction.DupHandle` does it.
#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include "support/test.hpp"
#include "support/windows/pairs.hpp"
#include "support/windows/raw_pipe.hpp"

#include <windows.h>

namespace {

// Nothing but this has to be in what we send.
const multiprocessing connections(multiprocessing_bytes(), py::pickle_codec({}, py::offered_handle::allow()));

/// Sends the other end of a new pipe, and says something through it.
void offer(message_duplex<multiprocessing>& c, const std::string& says)
{
    auto pipe = named_pipe_pair(transfer_kind::message);
    message_duplex<multiprocessing> mine(std::move(pipe.first));
    {
        const duplex theirs(std::move(pipe.second));
        py::offered_handle offered(theirs, {});
        c.send(offered.as_connection(), timeout);
        offered.hand_over(timeout);
    }
    mine.send(says, timeout);
    CHECK(mine.recv(timeout) == py::value("heard " + says));
    CHECK(code_of([&] { (void)mine.recv(timeout); }) == errc::end_of_stream); // nobody else has it
}

/// The other side of that.
void fetch(message_duplex<multiprocessing>& c)
{
    message_duplex<multiprocessing> theirs(py::fetch_handle(c.recv(timeout), {}).open());
    const auto heard = theirs.recv(timeout).as<std::string>();
    theirs.send("heard " + heard, timeout);
}

} // namespace

TEST_CASE("shared handle: connections of pipes go to another process and come from it")
{
    auto other = spawn_connected({this_program(), "child: fetches and offers"}, connections);
    offer(other.connection, "from the parent");
    fetch(other.connection);
    CHECK(other.process.wait(timeout).success());
}

TEST_CASE("child: fetches and offers", "[.]")
{
    message_duplex<multiprocessing> c(inherited(), connections);
    fetch(c);
    offer(c, "from the child");
}

TEST_CASE("shared handle: it looks as Python's, and what does not is refused")
{
    auto pipe = named_pipe_pair(transfer_kind::message);
    const duplex mine(std::move(pipe.first));
    py::offered_handle offered(mine, {});
    const py::value sent = offered.as_connection(true, false);
    CHECK(sent.is("multiprocessing.connection", "rebuild_pipe_connection"));
    CHECK(sent.args()[0].is("multiprocessing.reduction", "DupHandle"));
    CHECK(sent.args()[0].state().at("_access") == py::value(FILE_GENERIC_READ));
    CHECK(sent.args()[0].state().at("_pid") == py::value(::GetCurrentProcessId()));
    // In the process that has it, it is taken as it is.
    passed_handle same = py::fetch_handle(sent, {});
    CHECK(py::value(reinterpret_cast<std::uintptr_t>(same.native_handle())) == sent.args()[0].state().at("_handle"));
    (void)same.release(); // the offer closes it
    for (const py::value& v : {py::value(1), py::value("handle"), py::value(1, 2, 3)})
        CHECK(code_of([&] { (void)py::fetch_handle(v, {}); }) == errc::invalid_value);
    const duplex tcp(tcp_pair().first);
    CHECK(code_of([&] { py::offered_handle o(tcp, {}); }) == errc::unsupported);
}
