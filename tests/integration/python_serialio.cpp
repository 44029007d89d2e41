// Python's serialio 2.4 and ours: the same calls with the same results, and the cases in which serialio's are wrong.
#include "integration/peers.hpp"
#include "support/posix/serial_instrument.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

#include "examples/simulated_instrument.hpp"
#include "src/testing/until_true.hpp"

#include <ferrule/net/serial_port.hpp>
#include <ferrule/net/serial_server.hpp>
#include <ferrule/net/server.hpp>

namespace {

using testing::kit::until_true;

const std::string prologue = R"(
import asyncio, logging, os, time
import serialio.aio, serialio.sio
logging.disable(logging.CRITICAL)
def tell(what):
    os.write(3, (what if isinstance(what, str) else repr(what)).encode() + b"\n")
async def outcome(call):
    try:
        return await asyncio.wait_for(call, 2)
    except Exception as e:
        return type(e).__name__
def make(**options):
    return serialio.aio.serial_for_url(sys.argv[1], **options)
)";

// What the body of a coroutine tells, line by line.
std::string told_by_serialio(const std::string& url, const std::string& body)
{
    const std::string python = python_with("serialio.aio, serialio.sio");
    auto [mine, theirs] = pipe();
    std::string script = prologue + "async def main():\n";
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);)
        script += "    " + line + "\n";
    child c = start_python(python, script + "asyncio.run(main())\n", theirs, {url});
    std::string told(mine.recv_all(timeout).text());
    expect_success(c);
    return told;
}

// The port of a pty, exported by RFC 2217. The next client waits for the end of the one before.
class exported_port {
public:
    explicit exported_port(const std::string& path) : port_(path) {}

    [[nodiscard]] std::string url() const { return "rfc2217://127.0.0.1:" + server_.address().service(); }

private:
    serial_port port_;
    server<> server_{"tcp://127.0.0.1:0", [this](duplex peer) { serve_serial_port(std::move(peer), port_); },
                     server_options().threads(1)};
};

/// The simulated instrument, at the other end of a line.
class simulated_device {
public:
    explicit simulated_device(duplex line) : line_(std::move(line))
    {
        asio::co_spawn(context_, instrument_.serve(line_), [](const std::exception_ptr&) {}); // until it is closed
        runs_ = std::jthread([this] { context_.run(); });
    }
    simulated_device(const simulated_device&) = delete;
    simulated_device& operator=(const simulated_device&) = delete;
    ~simulated_device() { line_.close(); }

private:
    duplex line_;
    simulated_instrument instrument_{1ms};
    asio::io_context context_;
    std::jthread runs_;
};

client ours(const std::string& path)
{
    return client("serial:" + path, client_options().timeout(timeout));
}

} // namespace

TEST_CASE("serialio: the same calls of the simulated instrument have the same results, on a serial line and on one of "
          "our server")
{
    serial_pty pty;
    const bool is_remote = GENERATE(false, true);
    std::optional<exported_port> server;
    if (is_remote)
        server.emplace(pty.path());
    const std::string url = is_remote ? server->url() : "serial://" + pty.path();
    const simulated_device at_the_end(pty.device());
    const std::string theirs = told_by_serialio(url, R"(
line = lambda b: tell(b.decode().rstrip("\n"))
port = make(baudrate=19200)
line(await port.write_readline(b"*IDN?\n"))
await port.write(b"VOLT 1.5\n")
line(await port.write_readline(b"VOLT?\n"))
for l in await port.write_readlines(b"VOLT?\nMEAS?\n", 2): line(l)
for l in await port.writelines_readlines([b"VOLT 31\n", b"SYST:ERR?\n", b"SYST:ERR?\n"], 2): line(l)
await port.write(b"*OPC?\n")
line(await port.readline())
await port.close()
)");
    for (const way w : all_ways) {
        client c((is_remote ? url : "serial:" + pty.path()) + "?baud=19200", client_options().timeout(timeout));
        std::string all;
        const auto one = [&](const bytes& b) { all.append(b.text()).append("\n"); };
        const auto several = [&](const std::vector<bytes>& lines) { std::ranges::for_each(lines, one); };
        one(ASK(w, c, write_read_line, "*IDN?\n"));
        ASK(w, c, write, "VOLT 1.5\n");
        one(ASK(w, c, write_read_line, "VOLT?\n"));
        several(ASK(w, c, write_read_lines, "VOLT?\nMEAS?\n", 2));
        const std::vector<std::string> three{"VOLT 31", "SYST:ERR?", "SYST:ERR?"};
        several(ASK(w, c, write_lines_read_lines, three, 2));
        ASK(w, c, write, "*OPC?\n");
        one(ASK(w, c, read_line));
        CHECK(all == theirs);
        CHECK(pty.speed() == B19200);
    }
}

TEST_CASE("serialio: a timeout is an error of its own there, and of the call here (W-SE-01)")
{
    serial_instrument device;
    CHECK(told_by_serialio("serial://" + device.path(), R"(
port = make()
tell(await outcome(port.write_readline(b"set x\n", timeout=0.05)))
)") == "AttributeError\n");
    client c = ours(device.path());
    CHECK(code_of([&] { (void)c.query("set x", 20ms); }) == errc::timed_out);
}

TEST_CASE("serialio: requests at once mix up their replies there, and not here (W-SE-02)")
{
    serial_instrument device;
    CHECK(told_by_serialio("serial://" + device.path(), R"(
port = make()
await port.open()
async def ask(i):
    return await port.write_readline(b"say reply number %d|\n" % i) == b"reply number %d\n" % i
asked = [asyncio.ensure_future(ask(i)) for i in range(20)]
await asyncio.wait(asked, timeout=1)
tell(sum(a.done() and not a.exception() and a.result() for a in asked) < 20)
os._exit(0)
)") == "True\n");
    client c = ours(device.path());
    std::atomic<int> right = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 20; ++i)
        callers.emplace_back([&, i] {
            const std::string text = "reply number " + std::to_string(i);
            right += c.query("say " + text + "|").text() == text;
        });
    for (std::thread& t : callers)
        t.join();
    CHECK(right == 20);
}

TEST_CASE("serialio: settings that cannot be changed there are changed here (W-SE-06)")
{
    serial_instrument device;
    CHECK(told_by_serialio("serial://" + device.path(), R"(
port = make(inter_byte_timeout=0.5)
await port.open()
tell(await outcome(port.set_stopbits(2)))
tell(port.inter_byte_timeout)
tell(await outcome(port.set_break_condition(True)))
)") == "AttributeError\nNone\nTypeError\n");
    serial_port port(device.path());
    port.apply(serial_settings().stop_bits(stop_bits::two).parity(parity::even).data_bits(7), timeout);
    const termios applied = device.settings();
    CHECK((applied.c_cflag & CSTOPB) != 0);
    CHECK(port.settings().stop_bits() == stop_bits::two);
    CHECK(code_of([&] { port.set_break(true, timeout); }) == errc::unsupported); // as a pty says, not by mistake
}

TEST_CASE("serialio: an empty buffer ends the connection there, and is empty here (W-SE-07)")
{
    serial_instrument device;
    CHECK(told_by_serialio("serial://" + device.path(), R"(
port = make()
await port.open()
tell(await outcome(port.readbuffer()))
tell(port.is_open)
)") == "ConnectionError\nFalse\n");
    client c = ours(device.path());
    c.open();
    CHECK(c.read_buffer().empty());
    CHECK(c.connected());
}

TEST_CASE("serialio: a read of four bytes may return six there, and never here (W-SE-08)")
{
    serial_instrument device;
    CHECK(told_by_serialio("serial://" + device.path(), R"(
port = make()
await port.write(b"say ab\n")
while port.in_waiting < 2:
    await asyncio.sleep(0)
read = asyncio.ensure_future(port.read(4))
while port.in_waiting:
    await asyncio.sleep(0)
await port.write(b"say cdefgh\n")
tell(len(await read) > 4)
)") == "True\n");
    client c = ours(device.path());
    c.write_lines(std::vector<std::string>{"say ab", "say cdefgh"});
    CHECK(c.read_exactly(4).text() == "abcd");
    CHECK(c.read_exactly(4).text() == "efgh");
}

TEST_CASE("serialio: a line that is quiet for a while is closed there, and stays here (W-SE-04)")
{
    serial_instrument device;
    exported_port server(device.path());
    CHECK(told_by_serialio(server.url(), R"(
port = make(timeout=0.2)
await port.open()
end = time.monotonic() + 2
while port.is_open and time.monotonic() < end:
    await asyncio.sleep(0.01)
tell(port.is_open)
os._exit(0)
)") == "False\n");
    client c(server.url(), client_options().timeout(200ms).reconnect(reconnect::never()));
    c.open(timeout);
    CHECK(code_of([&] { (void)c.read_line(); }) == errc::timed_out); // as quiet, and as long
    CHECK(c.query("*IDN?", timeout).text() == "maker,model,1");
}
