// `leb128` against protobuf's delimited messages, written and read by Google's Python package.
#include "integration/peers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/leb128.hpp>

namespace {

// 3.21 has no serialize_length_prefixed; this is what it does.
const std::string prologue = R"(
import socket
from google.protobuf.internal.encoder import _VarintBytes
from google.protobuf.internal.decoder import _DecodeVarint32
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import BytesValue
stream = socket.socket(fileno=3).makefile("rwb")
def send(message):
    data = message.SerializeToString()
    stream.write(_VarintBytes(len(data)) + data)
    stream.flush()
def receive(kind):
    header = stream.read(1)
    while header[-1] & 128:
        header += stream.read(1)
    size, end = _DecodeVarint32(header, 0)
    assert end == len(header)
    return kind.FromString(stream.read(size))
)";

} // namespace

TEST_CASE("leb128: protobuf's delimited messages of all sizes go both ways")
{
    // The messages are 0, 3, 127, 128, 16383, 16384, …, 2²¹−1 and 2²¹ bytes long.
    constexpr std::size_t sizes[] = {0, 1, 125, 126, 16380, 16381, 1 << 20, 2097147, 2097148};
    const std::string program = python_with("google.protobuf");
    std::vector<std::string> arguments;
    for (const std::size_t n : sizes)
        arguments.push_back(std::to_string(n));
    auto [mine, theirs] = socketpair(leb128());
    child c = start_python(program, prologue + R"(
for n in map(int, sys.argv[1:]):
    message = BytesValue(value=text(n))
    for _ in range(2):
        send(message)
        assert receive(BytesValue) == message, n
assert stream.read() == b""
)",
                           theirs, arguments);
    for (const std::size_t n : sizes) {
        // A BytesValue is field 1 with a length in front, which is a LEB128 too; nothing if it is empty.
        const std::string value = text(n);
        const std::string message = n == 0 ? "" : "\x0A" + frame_of(leb128(), value);
        for (const style s : {style::blocking, style::coroutine}) {
            CAPTURE(n, s == style::coroutine);
            CHECK((recv(mine, s) == byte_view(message)));
            send(mine, message, s);
        }
    }
    mine.close();
    expect_success(c);
}

TEST_CASE("leb128: protobuf messages that came through C++ are the same as before")
{
    const std::string program = python_with("google.protobuf");
    auto [mine, theirs] = socketpair(leb128());
    child c = start_python(program, prologue + R"(
messages = []
for n in range(300):
    messages.append(Struct())
    messages[n].update({"text": "grüße 世界 " * n, "nested": {"list": [n, None, True, {"x": 0.5}]}})
for m in messages:
    send(m)
for m in messages:
    assert receive(Struct) == m
)",
                           theirs);
    // Back to back, so that several frames arrive in one read, and frames arrive in pieces.
    std::vector<bytes> all;
    for (int n = 0; n < 300; ++n)
        all.push_back(recv(mine, n % 2 == 0 ? style::blocking : style::coroutine));
    for (const bytes& message : all)
        send(mine, message);
    CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == errc::end_of_stream);
    expect_success(c);
}
