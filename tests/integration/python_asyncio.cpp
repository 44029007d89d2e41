// `lines` against CPython's asyncio streams.
#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

// Expects lines with the first end of line, and answers each with one that ends in the second, twice.
// Python refuses lines of more than `limit`, by default 64 KiB.
const std::string echo = R"(
import asyncio, socket
async def main(theirs, ours, sizes):
    connection = dict(sock=socket.socket(fileno=3), limit=4 << 20)
    reader, writer = await asyncio.open_connection(**connection)
    for n in map(int, sizes):
        line = await reader.readline()
        assert line == text(n) + theirs, (n, len(line), line[-3:])
        writer.writelines([text(n), ours] * 2)
        await writer.drain()
    assert await reader.readline() == b"b\ra" + theirs
    writer.write("grüße".encode() + ours + ours + b"no end")
    await writer.drain()
    assert await reader.readline() == b"", "the end"
    writer.close()
ends = {"LF": b"\n", "CRLF": b"\r\n"}
asyncio.new_event_loop().run_until_complete(main(ends[sys.argv[1]], ends[sys.argv[2]], sys.argv[3:]))
)";

} // namespace

TEST_CASE("lines: asyncio's readline reads what we send, and we read what its writer sends")
{
    struct row {
        const char* sent;
        const char* received;
        lines framing;
    };
    // By default "\r\n" is understood, but not sent.
    static const row rows[] = {
        {"LF", "CRLF", lines()},
        {"LF", "LF", lines()},
        {"LF", "LF", lines("\n")},
        {"CRLF", "CRLF", lines("\r\n")},
    };
    constexpr std::size_t sizes[] = {0, 1, 65535, 65536, 65537, 200'000, 1 << 20};
    for_each_python([&](const interpreter& p) {
        for (const row& r : rows) {
            if (&r != rows && &p != &pythons().back())
                continue; // the first against all, the others against one
            CAPTURE(r.sent, r.received);
            std::vector<std::string> arguments = {r.sent, r.received};
            for (const std::size_t n : sizes)
                arguments.push_back(std::to_string(n));
            auto [mine, theirs] = socketpair(r.framing);
            child c = start_python(p.program, echo, theirs, arguments);
            for (const std::size_t n : sizes) {
                CAPTURE(n);
                send(mine, text(n), n % 2 == 0 ? style::coroutine : style::blocking);
                for (const style s : {style::blocking, style::coroutine})
                    CHECK((recv(mine, s) == byte_view(text(n))));
            }
            send(mine, "b\ra"); // not an end of line, and not two
            CHECK(recv(mine).text() == "grüße");
            CHECK(recv(mine).empty());
            mine.shutdown_send(timeout);
            CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == errc::truncated);
            CHECK(mine.take_partial().text() == "no end");
            CHECK(code_of([&, &m = mine] { m.recv(timeout); }) == errc::end_of_stream);
            expect_success(c);
        }
    });
}
