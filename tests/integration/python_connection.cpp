// any_framing("mp") against CPython's multiprocessing.connection.Connection. What python.cpp shows of
// `multiprocessing_bytes` is not repeated for it.
#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"
#include "support/test.hpp"

#include <ferrule/framing/any_framing.hpp>

namespace {

const std::string echo = R"(
from multiprocessing.connection import Connection
if sys.argv[1] == "socketpair":
    source = drain = Connection(3)
else:
    source, drain = Connection(0, writable=False), Connection(1, readable=False)
room = bytearray(2 << 20)
try:
    while True:
        drain.send_bytes(source.recv_bytes())
        size = source.recv_bytes_into(room, 5)
        drain.send_bytes(room, 5, size)
except EOFError:
    pass
)";

template <class In, class Out>
void expect_echo(In& in, Out& out)
{
    for (const std::size_t n : {0U, 1U, 0U, 16384U, 16385U, 65536U, 1U << 20}) {
        for (const style s : {style::blocking, style::coroutine}) {
            CAPTURE(n, s == style::coroutine);
            send(out, text(n), s);
            CHECK((recv(in, s) == byte_view(text(n))));
        }
    }
}

} // namespace

TEST_CASE("any_framing: mp is what CPython's Connection speaks, over a socketpair and over two pipes")
{
    const any_framing framing("mp");
    for_each_python([&](const interpreter& p) {
        {
            auto [mine, theirs] = socketpair(framing);
            child c = start_python(p.program, echo, theirs, {"socketpair"});
            expect_echo(mine, mine);
            mine.close();
            expect_success(c);
        }
        {
            auto c = spawn_piped({p.program, "-c", python_prologue + echo, "pipes"});
            message_reader<any_framing> in(c.output, framing);
            message_writer<any_framing> out(c.input, framing);
            expect_echo(in, out);
            out.close();
            CHECK(code_of([&] { in.recv(timeout); }) == errc::end_of_stream);
            expect_success(c.process);
        }
    });
}
