// Against real Python: multiprocessing.connection.Connection at the other end.

#include "support/posix/descriptors.hpp"
#include "support/posix/each_python.hpp"
#include "support/test.hpp"

namespace {

using mp = multiprocessing_bytes;

const std::vector<std::size_t> sizes = {0, 1, 16384, 16385, 70000, 5 << 20};

// What every script begins with. `pattern` is the same as the function below.
const std::string prologue = R"(
import os, sys, struct
from multiprocessing.connection import Connection
def pattern(n):
    return (bytes((i * 31 + 7) & 255 for i in range(256)) * (n // 256 + 1))[:n]
)";

std::string pattern(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(i % 256 * 31 + 7);
    return s;
}

child start(const interpreter& p, const std::string& script, const endpoint& theirs,
            std::vector<std::string> arguments = {})
{
    std::vector<std::string> command = {p.program, "-c", prologue + script};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return spawn(command, theirs, 3);
}

void expect_success(child& c)
{
    const exit_status s = c.wait(timeout);
    CHECK(s.code() == 0);
    CHECK(s.signal() == 0);
}

const std::string echo = R"(
c = Connection(3)
try:
    while True:
        c.send_bytes(c.recv_bytes())
except EOFError:
    pass
)";

asio::awaitable<void> echo_sizes(message_duplex<mp> m)
{
    for (const std::size_t n : sizes) {
        const std::string payload = pattern(n);
        co_await m.async_send(payload, timeout);
        const bytes back = co_await m.async_recv(timeout);
        CHECK((back == byte_view(payload)));
    }
}

} // namespace

TEST_CASE("python: messages of all sizes make the round trip over an inherited socketpair")
{
    for_each_python([](const interpreter& p) {
        auto [mine, theirs] = socketpair(mp());
        child c = start(p, echo, theirs);
        theirs.close();
        for (const std::size_t n : sizes) {
            CAPTURE(n);
            const std::string payload = pattern(n);
            CHECK(mine.send(payload, timeout) == n + 4);
            CHECK((mine.recv(timeout) == byte_view(payload)));
        }
        run(echo_sizes(mine));
        mine.close();
        expect_success(c);
    });
}

TEST_CASE("python: many messages on the way at once stay whole and in order")
{
    for_each_python([](const interpreter& p) {
        auto [mine, theirs] = socketpair(mp());
        child c = start(p, echo, theirs);
        theirs.close();
        // Few enough bytes that Python's answers fit in the socket while we go on sending.
        for (std::size_t i = 0; i < 300; ++i)
            mine.send({"message ", std::to_string(i)}, timeout);
        for (std::size_t i = 0; i < 300; ++i)
            REQUIRE(mine.recv(timeout).text() == "message " + std::to_string(i));
        mine.close();
        expect_success(c);
    });
}

TEST_CASE("python: C++ sends over a pipe")
{
    for_each_python([](const interpreter& p) {
        auto ends = pipe();
        child c = start(p, R"(
c = Connection(3, writable=False)
for n in map(int, sys.argv[1:]):
    assert c.recv_bytes() == pattern(n), n
try:
    c.recv_bytes()
    sys.exit(1)
except EOFError:
    pass
)",
                        ends.first, {"0", "1", "16384", "16385", "70000", "5242880"});
        ends.first.close();
        message_writer<mp> out(ends.second);
        for (const std::size_t n : sizes)
            out.send(pattern(n), timeout);
        out.close();
        expect_success(c);
    });
}

TEST_CASE("python: C++ receives over a pipe")
{
    for_each_python([](const interpreter& p) {
        auto ends = pipe();
        child c = start(p, R"(
c = Connection(3, readable=False)
for n in map(int, sys.argv[1:]):
    c.send_bytes(pattern(n))
)",
                        ends.second, {"0", "1", "16384", "16385", "70000", "5242880"});
        ends.second.close();
        message_reader<mp> in(ends.first);
        for (const std::size_t n : sizes) {
            CAPTURE(n);
            CHECK((in.recv(timeout) == byte_view(pattern(n))));
        }
        CHECK(code_of([&] { in.recv(timeout); }) == errc::end_of_stream);
        expect_success(c);
    });
}

TEST_CASE("python: the long form of the header is understood for any length")
{
    for_each_python([](const interpreter& p) {
        auto [mine, theirs] = socketpair(mp());
        child c = start(p, R"(
def all(data):
    while data:
        data = data[os.write(3, data):]
for n in (0, 3, 20000, 70000):
    all(b"\xff\xff\xff\xff" + struct.pack("!Q", n) + pattern(n))
Connection(3).send_bytes(b"short again")
)",
                        theirs);
        theirs.close();
        for (const std::size_t n : {0u, 3u, 20000u, 70000u})
            CHECK((mine.recv(timeout) == byte_view(pattern(n))));
        CHECK(mine.recv(timeout).text() == "short again");
        CHECK(code_of([&] { mine.recv(timeout); }) == errc::end_of_stream);
        expect_success(c);
    });
}

TEST_CASE("python: a Python that ends between messages is a clean end, one that ends inside a message is not")
{
    struct ending {
        const char* written;
        std::size_t size;
        bool clean;
    };
    static const ending endings[] = {
        {"b''", 0, true},
        {"struct.pack('!i', 3) + b'abc'", 0, true}, // received whole first
        {"b'\\0'", 1, false},
        {"b'\\0\\0\\0'", 3, false},
        {"struct.pack('!i', 5)", 4, false}, // right after a header
        {"b'\\xff' * 4", 4, false},
        {"b'\\xff' * 4 + b'\\0' * 7", 11, false},
        {"b'\\xff' * 4 + struct.pack('!Q', 5)", 12, false},
        {"struct.pack('!i', 5) + b'abc'", 7, false},
    };
    // All of them against one Python, the two most telling ones against all.
    for_each_python([](const interpreter& p) {
        const bool last = p.version == pythons().back().version;
        for (const ending& e : endings) {
            if (!last && e.size != 4 && !e.clean)
                continue;
            CAPTURE(e.written);
            auto [mine, theirs] = socketpair(mp());
            child c = start(p, std::string("os.write(3, ") + e.written + ")", theirs);
            theirs.close();
            if (e.clean && std::string(e.written) != "b''")
                CHECK(mine.recv(timeout).text() == "abc");
            for (int again = 0; again < 2; ++again) {
                try {
                    mine.recv(timeout);
                    FAIL("received");
                } catch (const eof_error& error) {
                    CHECK(error.code() == (e.clean ? errc::end_of_stream : errc::truncated));
                    CHECK(error.transferred() == e.size);
                    CHECK(error.data().size() == e.size);
                }
            }
            CHECK(code_of([&, &m = mine] { run(m.async_recv(timeout)); }) ==
                  (e.clean ? errc::end_of_stream : errc::truncated));
            expect_success(c);
        }
    });
}

TEST_CASE("python: a Python that is killed ends the stream where it was")
{
    for_each_python([](const interpreter& p) {
        for (const bool inside : {false, true}) {
            CAPTURE(inside);
            auto [mine, theirs] = socketpair(mp());
            child c = start(p, R"(
c = Connection(3)
c.send_bytes(b"ready")
if sys.argv[1] == "inside":
    os.write(3, struct.pack("!i", 100) + b"some")
c.recv_bytes()
)",
                            theirs, {inside ? "inside" : "between"});
            theirs.close();
            CHECK(mine.recv(timeout).text() == "ready");
            if (inside) {
                // Until all that it will ever send is here.
                for (std::size_t arrived = 0; arrived < 8;) {
                    error_code ec;
                    (void)mine.recv(20ms, ec);
                    arrived = mine.peek_partial().size();
                    REQUIRE(ec == errc::timed_out);
                }
            }
            c.kill();
            CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == (inside ? errc::truncated : errc::end_of_stream));
            CHECK(c.wait(timeout).signal() == SIGKILL);
            CHECK(code_of([&, &m = mine] { m.send("anybody?", timeout); }) == condition::broken);
        }
    });
}

TEST_CASE("python: a Python that ends without reading what it was sent breaks the connection")
{
    for_each_python([](const interpreter& p) {
        auto [mine, theirs] = socketpair(mp());
        mine.send("never read", timeout);
        child c = start(p, "", theirs);
        theirs.close();
        expect_success(c);
        CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == condition::broken);
        CHECK_THROWS_AS(mine.send("x", timeout), broken_error);
    });
}

TEST_CASE("python: a TCP reset is the peer's fault and no clean end")
{
    for_each_python([](const interpreter& p) {
        for (const bool inside : {false, true}) {
            CAPTURE(inside);
            auto raw = raw_tcp_pair();
            message_duplex<mp> mine(adopt(raw.first.release()));
            duplex theirs(adopt(raw.second.release()));
            child c = start(p, R"(
import socket
s = socket.socket(fileno=3)
if sys.argv[1] == "inside":
    s.sendall(struct.pack("!i", 100) + b"some")
s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
)",
                            theirs, {inside ? "inside" : "between"});
            theirs.close();
            error_code ec;
            if (inside) {
                for (std::size_t arrived = 0; arrived < 8;) {
                    (void)mine.recv(20ms, ec);
                    arrived = mine.peek_partial().size();
                    REQUIRE(ec == errc::timed_out);
                }
            }
            writer(mine.channel(), {}).send("x", timeout);
            try {
                mine.recv(timeout);
                FAIL("received");
            } catch (const broken_error& e) {
                CHECK(e.code() == boost::system::errc::connection_reset);
                CHECK(e.transferred() == (inside ? 8u : 0u)); // what was here already is not lost
            }
            CHECK(mine.take_partial().size() == (inside ? 8u : 0u));
            expect_success(c);
        }
    });
}

TEST_CASE("python: what Python refuses to read is a broken connection for the sender")
{
    for_each_python([](const interpreter& p) {
        auto ends = pipe();
        child c = start(p, R"(
c = Connection(3, writable=False)
try:
    c.recv_bytes(10)
    sys.exit(1)
except OSError:
    pass # "bad message length"; Python has closed it
)",
                        ends.first);
        ends.first.close();
        message_writer<mp> out(ends.second);
        // More than a pipe holds: it cannot be left in the pipe unnoticed.
        CHECK(code_of([&] { out.send(pattern(4 << 20), timeout); }) == condition::broken);
        expect_success(c);
    });
}

TEST_CASE("python: objects that Python pickles travel as opaque messages")
{
    for_each_python([](const interpreter& p) {
        auto [mine, theirs] = socketpair(mp());
        child c = start(p, R"(
c = Connection(3)
value = {"text": "ümlaut", "numbers": [1, 2.5, None], "big": b"x" * 100000}
c.send(value)
assert c.recv() == value
)",
                        theirs);
        theirs.close();
        const bytes pickled = mine.recv(timeout);
        CHECK(pickled.size() > 100000);
        mine.send(pickled, timeout);
        expect_success(c);
    });
}

TEST_CASE("python: a C++ child talks to the multiprocessing.Pipe() of its Python parent")
{
    for_each_python([](const interpreter& p) {
        auto dummy = pipe(); // spawn wants a descriptor to hand over
        child c = start(p, R"(
import subprocess
from multiprocessing import Pipe

mine, theirs = Pipe()
process = subprocess.Popen([sys.argv[1], "echo", str(theirs.fileno())], pass_fds=[theirs.fileno()])
theirs.close()
for n in (0, 1, 16384, 16385, 70000, 5 << 20):
    mine.send_bytes(pattern(n))
    assert mine.recv_bytes() == pattern(n), n
value = {"a": [1, "two", 3.0]}
mine.send(value)
assert mine.poll(60) and mine.recv() == value
mine.close()
assert process.wait() == 0

# Ends inside a message: the child says so.
mine, theirs = Pipe()
process = subprocess.Popen([sys.argv[1], "echo", str(theirs.fileno())], pass_fds=[theirs.fileno()])
theirs.close()
os.write(mine.fileno(), struct.pack("!i", 10) + b"half")
mine.close()
assert process.wait() == 3

# One-way pipes.
down_r, down_w = Pipe(duplex=False)
up_r, up_w = Pipe(duplex=False)
fds = [down_r.fileno(), up_w.fileno()]
process = subprocess.Popen([sys.argv[1], "sizes"] + list(map(str, fds)), pass_fds=fds)
down_r.close()
up_w.close()
for n in (0, 1, 16384, 16385, 70000):
    down_w.send_bytes(pattern(n))
    assert up_r.recv_bytes() == str(n).encode()
down_w.close()
assert process.wait() == 0
try:
    up_r.recv_bytes()
    sys.exit(1)
except EOFError:
    pass
)",
                        dummy.first, {FERRULE_PYTHON_CHILD});
        expect_success(c);
    });
}

TEST_CASE("python: the descriptor that Python inherits is the only one")
{
    for_each_python([](const interpreter& p) {
        const unique_fd leaky(::open("/dev/null", O_RDONLY)); // not close-on-exec
        auto [mine, theirs] = socketpair(mp());
        child c = start(p, R"(
open_ones = [fd for fd in range(256) if os.path.exists("/proc/self/fd/%d" % fd)]
Connection(3).send_bytes(repr(open_ones).encode())
)",
                        theirs);
        theirs.close();
        CHECK(mine.recv(timeout).text() == "[0, 1, 2, 3]");
        expect_success(c);
    });
}
