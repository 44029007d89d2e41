// Connections of pipes that go from process to process in messages, as CPython's `reduction.DupHandle` does it.
#include <ferrule/process.hpp>
#include <ferrule/python/shared_handle.hpp>

#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/watchdog.hpp"
#include "windows/pairs.hpp"
#include "windows/raw_pipe.hpp"

#include <windows.h>

#include <string>
#include <vector>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace py = ferrule::python;

namespace {

constexpr auto patience = 60s;

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
        c.send(offered.as_connection(), patience);
        offered.hand_over(patience);
    }
    mine.send(says, patience);
    CHECK(mine.recv(patience) == py::value("heard " + says));
    CHECK(code_of([&] { (void)mine.recv(patience); }) == errc::end_of_stream); // nobody else has it
}

/// The other side of that.
void fetch(message_duplex<multiprocessing>& c)
{
    message_duplex<multiprocessing> theirs(py::fetch_handle(c.recv(patience), {}).open());
    const auto heard = theirs.recv(patience).as<std::string>();
    theirs.send("heard " + heard, patience);
}

} // namespace

TEST_CASE("shared handle: connections of pipes go to another process and come from it")
{
    const watchdog guard("a shared handle");
    auto other = spawn_connected({this_program(), "child: fetches and offers"}, connections);
    offer(other.connection, "from the parent");
    fetch(other.connection);
    CHECK(other.process.wait(patience).success());
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
