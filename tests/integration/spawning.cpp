// Parents and children across the border of languages, with nothing between them but what `spawn` and Python's subprocess do.
#include "support/test.hpp"

#include "integration/python_peer.hpp"

namespace {

// Where ferrule_peer.py is.
const std::string import_peer =
    "import sys\nsys.path.insert(0, '" FERRULE_SOURCE_DIR "/framing/python')\nimport ferrule_peer\n";

std::vector<std::string> python_script(const interpreter& p, const std::string& script)
{
    return {p.program, "-c", import_peer + script};
}

// A short one.
bytes frame_of(const py::value& v)
{
    bytes pickle;
    REQUIRE(!py::dumps(v, pickle));
    bytes frame;
    frame.resize(3);
    std::ranges::fill(frame, std::byte{});
    frame.append(std::string(1, static_cast<char>(pickle.size())));
    frame.append(pickle);
    return frame;
}

std::vector<py::value> objects()
{
    return {py::value(1, "two", py::list{3.0}), py::value(), py::value(std::string(100'000, 'x'))};
}

template <class In, class Out>
void expect_echo_of_objects(In& in, Out& out)
{
    for (const py::value& v : objects()) {
        out.send(v, timeout);
        CHECK(in.recv(timeout) == v);
    }
}

} // namespace

TEST_CASE("python: a child finds what it was handed down by ferrule_peer.inherited()")
{
    for_each_python([](const interpreter& p) {
        auto c = spawn_connected(python_script(p, R"(
c = ferrule_peer.inherited()
try:
    while True:
        c.send(c.recv())
except EOFError:
    pass
)"),
                                 multiprocessing());
        expect_echo_of_objects(c.connection, c.connection);
        c.connection.close();
        expect_success(c.process);
    });
}

TEST_CASE("python: standard input and output are two connections, and prints disturb neither")
{
    for_each_python([](const interpreter& p) {
        auto c = spawn_piped(python_script(p, R"(
import os
print("printed too early: not yet flushed", file=sys.stderr)
r, w = ferrule_peer.take_standard_streams()
print("printed by some library", flush=True)
os.system("echo printed by a program")
assert sys.stdin.read() == ""
try:
    while True:
        w.send(r.recv())
except EOFError:
    pass
)"),
                             multiprocessing());
        expect_echo_of_objects(c.output, c.input);
        c.input.close();
        CHECK(code_of([&] { c.output.recv(timeout); }) == errc::end_of_stream);
        expect_success(c.process);
    });
}

TEST_CASE("python: asyncio at the other end, over a socket and over pipes; a cancelled recv has taken nothing")
{
    const std::string script = R"(
import asyncio, os
async def echo(c):
    # Interrupted wherever it is, until the message is whole.
    while True:
        receiving = asyncio.ensure_future(c.recv())
        while True:
            done, _ = await asyncio.wait([receiving], timeout=0.001)
            if done:
                break
            receiving.cancel()
            try:
                await receiving
                break
            except asyncio.CancelledError:
                receiving = asyncio.ensure_future(c.recv())
        try:
            await c.send(receiving.result())
        except asyncio.IncompleteReadError as e:
            assert e.partial == b""
            c.close()
            return
async def main():
    if sys.argv[1] == "socket":
        await echo(await ferrule_peer.AsyncConnection.open(ferrule_peer.inherited()))
    else:
        await echo(await ferrule_peer.AsyncConnection.open_pipes(*ferrule_peer.take_standard_streams()))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
)";
    for_each_python([&](const interpreter& p) {
        auto command = python_script(p, script);
        command.push_back("socket");
        auto c = spawn_connected(command, multiprocessing());
        expect_echo_of_objects(c.connection, c.connection);
        // A frame that comes byte by byte.
        const bytes frame = frame_of("piecemeal");
        writer raw(c.connection.channel(), {});
        for (std::size_t i = 0; i < frame.size(); ++i)
            raw.send(byte_view(frame.data() + i, 1), timeout);
        CHECK(c.connection.recv(timeout) == py::value("piecemeal"));
        c.connection.close();
        expect_success(c.process);

        command.back() = "pipes";
        auto piped = spawn_piped(command, multiprocessing());
        expect_echo_of_objects(piped.output, piped.input);
        piped.input.close();
        expect_success(piped.process);
    });
}

TEST_CASE("python: a C++ child of a Python parent, by FERRULE_FD and by standard input and output")
{
    for_each_python([](const interpreter& p) {
        child c = spawn({p.program, "-c", R"(
import os, subprocess, sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
mine, theirs = Pipe()
n = theirs.fileno()
process = subprocess.Popen([sys.argv[1], "inherited"], pass_fds=[n], env=dict(os.environ, FERRULE_FD=str(n)))
theirs.close()
for value in (None, {"a": [1, "two", 3.0]}, "x" * 100000):
    mine.send(value)
    assert mine.recv() == value
mine.close()
assert process.wait() == 0

process = subprocess.Popen([sys.argv[1], "standard"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, bufsize=0)
to = Connection(os.dup(process.stdin.fileno()), readable=False)
process.stdin.close()
answers = Connection(os.dup(process.stdout.fileno()), writable=False)
for size in (0, 1, 70000):
    to.send_bytes(b"x" * size)
    assert answers.recv_bytes() == str(size).encode()
to.close()
assert process.wait() == 0
assert process.stderr.read() == b"printed by some library\n"
)",
                         FERRULE_PYTHON_CHILD},
                        {});
        expect_success(c);
    });
}

TEST_CASE("spawn: a C++ child of a C++ parent has a connection, or standard input and output")
{
    auto c = spawn_connected({FERRULE_PYTHON_CHILD, "inherited"}, multiprocessing_bytes());
    c.connection.send("hello", timeout);
    CHECK(c.connection.recv(timeout).text() == "hello");
    c.connection.close();
    expect_success(c.process);

    auto piped = spawn_piped({FERRULE_PYTHON_CHILD, "standard"}, multiprocessing_bytes());
    piped.input.send("hello", timeout);
    CHECK(piped.output.recv(timeout).text() == "5");
    piped.input.close();
    expect_success(piped.process);

    auto bytes_only = spawn_piped({"cat"});
    bytes_only.input.send("to and fro", timeout);
    bytes_only.input.close();
    CHECK(bytes_only.output.recv_all(timeout).text() == "to and fro");
    expect_success(bytes_only.process);

    // Not handed down: it says so.
    child lonely = spawn({FERRULE_PYTHON_CHILD, "inherited"}, {});
    CHECK(lonely.wait(timeout).code() == 1);
}

TEST_CASE("python: an interrupted read desynchronises Python's own connection, and never ours")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, R"(
import os, signal, struct, sys
from multiprocessing import Pipe

class Interrupted(Exception):
    pass
def interrupt(*_):
    raise Interrupted()
signal.signal(signal.SIGALRM, interrupt)

def frame(data):
    return struct.pack("!i", len(data)) + data

# Python reads what Python sends, interrupted in the middle of a message: the next one is not what was sent.
mine, theirs = Pipe()
sent = frame(b"first message") + frame(b"second message")
os.write(theirs.fileno(), sent[:9])
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    mine.recv_bytes()
    sys.exit("not interrupted")
except Interrupted:
    pass
os.write(theirs.fileno(), sent[9:])
theirs.close()
try:
    seen = mine.recv_bytes()
except Exception as e:
    seen = e
c.send(seen not in (b"first message", b"second message"))

# For C++: whatever pieces it asks for.
while True:
    try:
        os.write(3, c.recv())
    except EOFError:
        break
)",
                                    anything);
        auto& c = child.connection;
        CHECK(c.recv(timeout) == py::value(true));
        const py::value message("some message", 1);
        const bytes frame = frame_of(message);
        const auto ask_for = [&](byte_view piece) { c.send(py::value(py::type::bytes, piece), timeout); };
        for (std::size_t split = 1; split < frame.size(); ++split) {
            CAPTURE(split);
            ask_for(byte_view(frame.data(), split));
            // Until that much is here; each of these is an interrupted read, of a thread or a coroutine.
            for (std::size_t arrived = 0, i = split; arrived < split; ++i) {
                try {
                    i % 2 == 0 ? c.recv(1ms) : run(c.async_recv(1ms));
                    FAIL("received");
                } catch (const timeout_error& e) {
                    arrived = e.transferred();
                }
            }
            ask_for(byte_view(frame.data() + split, frame.size() - split));
            CHECK(c.recv(timeout) == message);
        }
        child.expect_success();
    });
}
