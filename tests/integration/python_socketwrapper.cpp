// Framings against those of Python's socketwrapper package.
#include "integration/peers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/msgpack.hpp>

namespace {

const std::string prologue = R"(
from socketwrapper import MessageDuplex, SocketDuplex, framing
raw = SocketDuplex(3)
connection = MessageDuplex(raw, eval(sys.argv[1]))
)";

// A message of each size goes there and comes back.
void expect_echo(const char* name, const std::string& theirs_name, const std::vector<std::size_t>& sizes)
{
    const std::string program = python_with("socketwrapper");
    auto [mine, theirs] = socketpair(any_framing(name));
    std::vector<std::string> arguments = {theirs_name};
    for (const std::size_t n : sizes)
        arguments.push_back(std::to_string(n));
    child c = start_python(program, prologue + R"(
for n in map(int, sys.argv[2:]):
    for _ in range(2):
        message = connection.recv(20)
        assert message == text(n), n
        connection.send(message, 20)
)",
                           theirs, arguments);
    for (const std::size_t n : sizes) {
        for (const style s : {style::blocking, style::coroutine}) {
            CAPTURE(n, s == style::coroutine);
            send(mine, text(n), s);
            CHECK((recv(mine, s) == byte_view(text(n))));
        }
    }
    CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == errc::end_of_stream);
    expect_success(c);
}

} // namespace

TEST_CASE("varint: socketwrapper's VarIntBytes is the same")
{
    // Both sides of every length of the header up to five bytes.
    expect_echo("varint", "framing.VarIntBytes",
                {0, 1, 240, 241, 2287, 2288, 67823, 67824, 1 << 20, (1 << 24) - 1, 1 << 24});
}

TEST_CASE("multiprocessing_bytes: socketwrapper's MultiprocessingBytes is the same")
{
    expect_echo("mp", "framing.MultiprocessingBytes", {0, 1, 16384, 16385, 1 << 20});
}

TEST_CASE("nul: socketwrapper's DelimiterTerminatedBytes is the same")
{
    expect_echo("nul", "framing.DelimiterTerminatedBytes()", {0, 1, 255, 65536});
}

TEST_CASE("msgpack: socketwrapper's MsgPack takes exactly one object, as we do")
{
    const std::string program = python_with("socketwrapper, msgpack");
    auto [ours, theirs] = socketpair();
    child c = start_python(program, prologue + R"(
import msgpack
for value in (None, True, -1, 1 << 63, 0.5, "grüße", b"\0" * 70000, [], {"a": [1, {"b": None}]}, list(range(70000)),
              {str(i): i for i in range(70000)}, msgpack.ExtType(5, b"12345"), "x" * (1 << 20)):
    connection.send(value, 20)
    raw.send(b"raw!", 20)
    assert connection.recv(20) == value, value
    assert raw.recv(4, 20) == b"\x93raw", value
)",
                           theirs, {"framing.MsgPack()"});
    message_duplex<msgpack_messages<>> mine(ours);
    error_code ec;
    int received = 0;
    for (msgpack_object value = mine.recv(timeout, ec); !ec; value = mine.recv(timeout, ec)) {
        CAPTURE(++received);
        CHECK(ours.recv(4, timeout).text() == "raw!");
        send(mine, value, style::coroutine);
        ours.send("\x93raw", timeout); // what would be the beginning of an array
    }
    CHECK(ec == errc::end_of_stream);
    CHECK(received == 13);
    expect_success(c);
}
