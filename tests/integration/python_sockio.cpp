// Python's sockio 0.15 and ours: the same calls with the same results, and the cases in which sockio's are wrong.
#include "integration/peers.hpp"
#include "support/instrument.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

#include "examples/simulated_instrument.hpp"
#include "src/testing/until_true.hpp"

#include <ferrule/client/async_client.hpp>
#include <ferrule/net/async_server.hpp>
#include <ferrule/net/peer.hpp>

namespace {

using testing::kit::until_true;

const std::string prologue = R"(
import asyncio, functools, logging, os, socket, time
import sockio.aio, sockio.sio
logging.disable(logging.CRITICAL)
port = int(sys.argv[1])
def tell(what):
    os.write(3, (what if isinstance(what, str) else repr(what)).encode() + b"\n")
async def outcome(call):
    try:
        return await asyncio.wait_for(call, 1)
    except Exception as e:
        return type(e).__name__
def make(**options):
    return sockio.aio.TCP("127.0.0.1", port, **options)
)";

// What the body of a coroutine tells, line by line.
std::string told_by_sockio(const address& peer, const std::string& body)
{
    const std::string python = python_with("sockio.aio, sockio.sio");
    auto [mine, theirs] = pipe();
    std::string script = prologue + "async def main():\n";
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);)
        script += "    " + line + "\n";
    child c = start_python(python, script + "asyncio.run(main())\n", theirs, {peer.service()});
    std::string told(mine.recv_all(timeout).text());
    expect_success(c);
    return told;
}

client ours(const address& peer)
{
    return client(peer, client_options().timeout(timeout));
}

// A listener that accepts connections and does no more.
class deaf_peer {
public:
    [[nodiscard]] const address& where() const noexcept { return listener_.address(); }

private:
    listener<> listener_{"tcp://127.0.0.1:0"}; // the system queues the connections
};

} // namespace

TEST_CASE("sockio: the same calls of the simulated instrument have the same results")
{
    asio::io_context context;
    simulated_instrument device(1ms);
    async_server server(context.get_executor(), "tcp://127.0.0.1:0",
                        [&](duplex peer) { return device.serve(std::move(peer)); });
    std::thread runs([&] { context.run(); });
    const std::string theirs = told_by_sockio(server.address(), R"(
tcp = make()
line = lambda b: tell(b.decode().rstrip("\n"))
line(await tcp.write_readline(b"*IDN?\n"))
await tcp.write(b"VOLT 1.5\n")
line(await tcp.write_readline(b"VOLT?\n"))
for l in await tcp.write_readlines(b"VOLT?\nMEAS?\n", 2): line(l)
for l in await tcp.writelines_readlines([b"VOLT 31\n", b"SYST:ERR?\n", b"SYST:ERR?\n"], 2): line(l)
await tcp.writelines([b"*RST\n", b"VOLT?\n", b"*OPC?\n"])
for l in await tcp.readlines(2): line(l)
await tcp.write(b"CURV? 10\n")
line((await tcp.readexactly(4)))
tell(len(await tcp.readexactly(10)))
line(await tcp.readline())
await tcp.write(b"*OPC?\n")
line(await tcp.readuntil(b"1"))
line(await tcp.read(1))
tell(tcp.connection_counter)
await tcp.close()
)");
    for (const way w : all_ways) {
        client c = ours(server.address());
        std::string all;
        const auto line = [&](const bytes& b) { all.append(b.text()).append("\n"); };
        const auto lines = [&](const std::vector<bytes>& several) { std::ranges::for_each(several, line); };
        line(ASK(w, c, write_read_line, "*IDN?\n"));
        ASK(w, c, write, "VOLT 1.5\n");
        line(ASK(w, c, write_read_line, "VOLT?\n"));
        lines(ASK(w, c, write_read_lines, "VOLT?\nMEAS?\n", 2));
        const std::vector<std::string> three{"VOLT 31", "SYST:ERR?", "SYST:ERR?"};
        lines(ASK(w, c, write_lines_read_lines, three, 2));
        const std::vector<std::string> more{"*RST", "VOLT?", "*OPC?"};
        ASK(w, c, write_lines, more);
        lines(ASK(w, c, read_lines, 2));
        ASK(w, c, write, "CURV? 10\n");
        line(ASK(w, c, read_exactly, 4));
        all += std::to_string(ASK(w, c, read_exactly, 10).size()) + "\n";
        line(ASK(w, c, read_line));
        ASK(w, c, write, "*OPC?\n");
        line(ASK(w, c, read_until, "1"));
        all += std::string(ASK(w, c, read, 1).text() == "\n" ? "\n" : "?");
        all += std::to_string(c.connections()) + "\n";
        CHECK(all == theirs);
    }
    context.stop();
    runs.join();
}

TEST_CASE("sockio: a callback that talks while a call connects waits for ever there, and works here (W-SO-01)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
async def made():
    await tcp.write_readline(b"*IDN?\n")
tcp = make(on_connection_made=made)
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
)") == "TimeoutError\n");
    int made = 0;
    client c(peer.address(), client_options().timeout(timeout).on_connected([&](client_session s) {
        (void)s.query("*IDN?");
        ++made;
    }));
    CHECK(c.query("*IDN?").text() == "maker,model,1");
    CHECK(made == 1);
}

TEST_CASE("sockio: a deadline does not cover the wait for others there, and does here (W-SO-02)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
await tcp.open()
first = asyncio.ensure_future(outcome(tcp.write_readline(b"set x\n", timeout=0.5)))
await asyncio.sleep(0)
begin = time.monotonic()
await outcome(tcp.write_readline(b"*IDN?\n", timeout=0.05))
tell(time.monotonic() - begin > 0.25)
await first
)") == "True\n");
    client c = ours(peer.address());
    std::thread first([&] { (void)code_of([&] { (void)c.query("set y"); }); });
    until_true([&] { return peer.commands().back() == "set y"; });
    CHECK(code_of([&] { (void)c.query("*IDN?", 50ms); }) == errc::lock_timed_out);
    c.close();
    first.join();
}

TEST_CASE("sockio: a line that an end cuts off is taken for whole there, and is an error here (W-SO-03)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
tell(await outcome(tcp.write_readline(b"half PART\n")))
tell(await outcome(tcp.write_readlines(b"half one|\n", 3)))
)") == "b'PART'\n[b'one\\n', b'', b'']\n");
    client c = ours(peer.address());
    try {
        (void)c.query("half PART");
        FAIL("no error");
    } catch (const eof_error& e) {
        CHECK(e.code() == errc::truncated);
        CHECK(e.data().text() == "PART");
    }
    CHECK(code_of([&] { (void)c.write_read_lines("half one|\n", 3); }) == errc::truncated);
}

TEST_CASE("sockio: to read nothing ends the connection there, and does nothing here (W-SO-04)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
await tcp.open()
tell(await outcome(tcp.readexactly(0)))
tell(tcp.connected())
)") == "ConnectionEOFError\nFalse\n");
    client c = ours(peer.address());
    c.open();
    CHECK(c.read_exactly(0).empty());
    CHECK(c.read_lines(0).empty());
    CHECK(c.connected());
}

TEST_CASE("sockio: TCP_NODELAY cannot be switched off there, and can here (W-SO-05)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make(no_delay=False)
await tcp.open()
tell(tcp.writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
)") == "1\n");
    for (const bool on : {true, false}) {
        const duplex d = connect(peer.address(), connect_options().no_delay(on), timeout);
        CHECK(get_option(d, socket_option::no_delay) == (on ? 1 : 0));
    }
}

TEST_CASE("sockio: input that came unasked is taken for the reply there, and not here (W-SO-06)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
await tcp.write(b"say junk|\n")
while not tcp.in_waiting():
    await asyncio.sleep(0)
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
tcp = make()
await tcp.write(b"half junk|\n")
while not tcp.in_waiting() or not tcp.reader._eof:
    await asyncio.sleep(0)
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
)") == "b'junk\\n'\nb'junk\\n'\n");
    client c = ours(peer.address());
    c.write_line("say junk|");
    until_true([&] { return c.in_waiting() == 5; });
    CHECK(c.query("*IDN?").text() == "maker,model,1");
    c.write_line("half junk|");
    until_true([&] { return c.in_waiting() == 5; });
    until_true([&] { return peer.connections() == 0; });
    CHECK(c.query("*IDN?").text() == "maker,model,1");
    CHECK(c.connections() == 2);
}

TEST_CASE("sockio: a write that times out leaves its half in the way there, and closes the connection here (W-SO-07)")
{
    deaf_peer peer;
    CHECK(told_by_sockio(peer.where(), R"(
tcp = make()
try:
    await tcp.write(b"x" * 50_000_000, timeout=0.1)
except Exception as e:
    tell(type(e).__name__)
tell(tcp.connected())
os._exit(0)
)") == "ConnectionTimeoutError\nTrue\n");
    client c = ours(peer.where());
    const std::string large(50'000'000, 'x');
    try {
        c.write(large, 50ms);
        FAIL("no error");
    } catch (const timeout_error& e) {
        CHECK(e.in_flight());
        CHECK(e.transferred() < large.size());
    }
    CHECK(!c.connected());
}

TEST_CASE(
    "sockio: without auto_reconnect a call fails for the wrong reason there, and for the right one here (W-SO-08)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make(auto_reconnect=False)
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
)") == "AttributeError\n");
    client c(peer.address(), client_options().reconnect(reconnect::never()));
    CHECK(code_of([&] { (void)c.query("*IDN?"); }) == boost::system::errc::not_connected);
}

TEST_CASE("sockio: two opens at once make two connections there, and one here (W-SO-09)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
tell(await asyncio.gather(outcome(tcp.open()), outcome(tcp.open())))
tell(tcp.connection_counter)
)") == "[None, None]\n2\n");
    client c = ours(peer.address());
    std::atomic<int> refused = 0;
    const auto open = [&] { refused += code_of([&] { c.open(); }) == boost::system::errc::already_connected; };
    std::thread other(open);
    open();
    other.join();
    CHECK(refused == 1);
    CHECK(c.connections() == 1);
}

TEST_CASE("sockio: the blocking object is no range there, and is here (W-SO-11)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
def blocking():
    tcp = sockio.sio.TCP("127.0.0.1", port)
    tcp.write(b"half 1|2|\n")
    try:
        tell([line for line in tcp])
    except TypeError:
        tell("TypeError")
    os._exit(0)
await asyncio.get_running_loop().run_in_executor(None, blocking)
)") == "TypeError\n");
    client c = ours(peer.address());
    c.write_line("half 1|2|");
    std::string all;
    for (const bytes& line : c.lines())
        all += line.text();
    CHECK(all == "12");
}

TEST_CASE("sockio: a callback that fails is swallowed there, and is the caller's to know here (W-SO-12)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
def fail(text):
    raise ValueError(text)
tcp = make(on_connection_made=functools.partial(fail, "no"))
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
tcp = make(on_connection_made=lambda: fail("no"))
tell(await outcome(tcp.write_readline(b"*IDN?\n")))
)") == "AttributeError\nb'maker,model,1\\n'\n");
    client c(peer.address(), client_options().timeout(timeout).on_connected(
                                 [](const client_session&) { throw std::invalid_argument("no"); }));
    CHECK_THROWS_WITH((void)c.query("*IDN?"), "no");
    CHECK(!c.connected());
}

TEST_CASE("sockio: twenty callers get their own replies there and here (SO-33)")
{
    instrument peer;
    CHECK(told_by_sockio(peer.address(), R"(
tcp = make()
async def ask(i):
    return await tcp.write_readline(b"say %d|\n" % i) == b"%d\n" % i
tell(sum(await asyncio.gather(*(ask(i) for i in range(20)))))
)") == "20\n");
    client c = ours(peer.address());
    std::atomic<int> right = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 20; ++i)
        callers.emplace_back(
            [&, i] { right += c.query("say " + std::to_string(i) + "|").text() == std::to_string(i); });
    for (std::thread& t : callers)
        t.join();
    CHECK(right == 20);
}

TEST_CASE("sockio: sinstruments' simulator, with the same calls of both")
{
    const std::string python = python_with("sinstruments.simulator, sockio.aio");
    auto [mine, theirs] = socketpair();
    child c = start_python(python, R"(
from gevent import monkey
monkey.patch_all()
import os, socket
from sinstruments.simulator import BaseDevice, create_server_from_config
class Supply(BaseDevice):
    volts = b"0.0"
    def handle_message(self, message):
        message = message.strip()
        if message == b"*IDN?":
            return b"sinstruments,supply,0,1\n"
        if message == b"VOLT?":
            return self.volts + b"\n"
        self.volts = message.split()[1]
server = create_server_from_config({"devices": [{"class": "Supply", "package": "__main__", "name": "one",
    "transports": [{"type": "tcp", "url": "127.0.0.1:0"}]}]})
transport = server.devices["one"].transports[0]
transport.start()
control = socket.socket(fileno=3)
control.sendall(b"%d\n" % transport.server_port)
control.recv(1)
os._exit(0)
)",
                           theirs);
    const address where = "tcp://127.0.0.1:" + std::string(mine.recv_line(timeout).text());
    CHECK(told_by_sockio(where, R"(
tcp = make()
tell(await tcp.write_readline(b"*IDN?\n"))
await tcp.write(b"VOLT 1.5\n")
tell(await tcp.write_readline(b"VOLT?\n"))
)") == "b'sinstruments,supply,0,1\\n'\nb'1.5\\n'\n");
    client supply(where, client_options().timeout(timeout));
    CHECK(supply.query("*IDN?").text() == "sinstruments,supply,0,1");
    supply.write_line("VOLT 2.5");
    CHECK(supply.query("VOLT?").text() == "2.5");
    mine.close();
    expect_success(c);
}
