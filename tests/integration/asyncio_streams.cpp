// asyncio's streams as peers: its servers for our clients, its clients for our servers, over TCP and unix sockets, in clear
// and with TLS. Also with uvloop, another loop under the same streams.
#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/posix/tls.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

/// What both roles have: `loop` is "asyncio" or "uvloop", `transport` is "tcp", "unix" or "ssl", `folder` has certificates.
const std::string common = R"(
import asyncio, os, socket, ssl
control = socket.socket(fileno=3)
loop, transport, folder = sys.argv[1:4]
if loop == "uvloop":
    import uvloop
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
def tell(what):
    control.sendall(str(what).encode() + b"\n")
)";

/// Serves until it is told to end: lines come back reversed, "big" gives a million bytes, "end" half-closes and then reads
/// to the end what still comes.
const std::string server_script = common + R"(
async def serve(reader, writer):
    async for line in reader:
        line = line[:-1]
        if line == b"big":
            writer.write(text(1_000_000))
        elif line == b"end":
            if writer.can_write_eof():
                writer.write_eof()
            rest = await reader.read()
            tell(len(rest))
            break
        else:
            writer.write(line[::-1] + b"\n")
        await writer.drain()
    writer.close()
async def main():
    if transport == "unix":
        server = await asyncio.start_unix_server(serve, folder + "/socket")
        tell("unix:" + folder + "/socket")
    else:
        secure = None
        if transport == "ssl":
            secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            secure.load_cert_chain(folder + "/chain.pem", folder + "/key.pem")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secure)
        tell("tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1])
    await asyncio.get_event_loop().run_in_executor(None, control.recv, 1)
    server.close()
asyncio.new_event_loop().run_until_complete(main())
)";

const std::string client_script = common + R"(
address = sys.argv[4]
async def main():
    if transport == "unix":
        reader, writer = await asyncio.open_unix_connection(address[len("unix:"):])
    else:
        port = int(address.rsplit(":", 1)[1])
        secure = ssl.create_default_context(cafile=folder + "/ca.pem") if transport == "ssl" else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=secure, server_hostname="peer.test" if secure else None)
    for n in (0, 1, 1000, 60_000):
        writer.write(text(n) + b"\n")
        await writer.drain()
        assert await reader.readline() == text(n) + b"\n", n
    writer.writelines([b"a\n", b"b\n", b"c\n"])
    assert [await reader.readline() for _ in range(3)] == [b"a\n", b"b\n", b"c\n"]
    writer.close()
    if sys.version_info >= (3, 7):
        await writer.wait_closed()
asyncio.new_event_loop().run_until_complete(main())
)";

class certificates : public temporary_folder {
public:
    certificates()
    {
        const identity own = test_authority().issue();
        write("chain.pem", own.chain);
        write("key.pem", own.key);
        write("ca.pem", test_authority().certificate());
    }

private:
    void write(const char* name, const std::string& what) const { std::ofstream(file(name)) << what; }
};

constexpr const char* transports[] = {"tcp", "unix", "ssl"};

duplex connect_to(const std::string& where, bool encrypted)
{
    return encrypted ? tls::connect({where, "peer.test"}, client_context(), timeout) : connect(where, timeout);
}

void check_its_servers(const std::string& python, const std::string& loop)
{
    const certificates folder;
    for (const std::string transport : transports) {
        CAPTURE(transport);
        auto [mine, theirs] = socketpair(lines());
        child c = start_python(python, server_script, theirs, {loop, transport, folder.file("")});
        const std::string where(mine.recv(timeout).text());
        message_duplex<lines> d(connect_to(where, transport == "ssl"));
        for (const style s : {style::blocking, style::coroutine}) {
            send(d, "stressed", s);
            CHECK(recv(d, s) == byte_view("desserts"));
        }
        d.send("big", timeout);
        const bytes big = d.as_bytes().recv(1'000'000, timeout);
        CHECK((big == byte_view(text(1'000'000))));
        d.send("end", timeout);
        error_code ec;
        if (transport != "ssl") { // asyncio has no half-close there
            CHECK_FALSE(d.next(timeout));
            d.as_bytes().send("seven b", timeout);
            d.shutdown_send(timeout);
        } else {
            d.as_bytes().send("seven b", timeout);
            d.shutdown_send(timeout);
            (void)d.as_bytes().recv_all(timeout, ec);
        }
        CHECK(mine.recv(timeout) == byte_view("7"));
        d.close();
        mine.send("", timeout);
        expect_success(c);
    }
}

void check_its_clients(const std::string& python, const std::string& loop)
{
    const certificates folder;
    const auto session = [](auto peer) {
        while (const auto line = peer.next())
            peer.send(*line);
    };
    const auto as_coroutine = [](message_duplex<lines> peer) -> asio::awaitable<void> {
        while (const auto line = co_await peer.async_next())
            co_await peer.async_send(*line);
    };
    const auto serves = [&](const std::string& transport, auto&& server) {
        auto [mine, theirs] = socketpair(lines());
        child c = start_python(python, client_script, theirs,
                               {loop, transport, folder.file(""), server.address().to_string()});
        expect_success(c);
        CHECK(server.close(timeout) == 0);
        CHECK(server.failed() == 0);
    };
    asio::thread_pool pool(1);
    for (const std::string transport : transports) {
        CAPTURE(transport);
        const address at = transport == "unix" ? address::unix_path(folder.file("ours")) : "tcp://127.0.0.1:0";
        if (transport == "ssl") {
            serves(transport,
                   server(tls::listener(at, server_context(), lines()), session, server_options().threads(1)));
            serves(transport,
                   async_server(pool.get_executor(), tls::listener(at, server_context(), lines()), as_coroutine));
        } else {
            serves(transport, server(listener(at, lines()), session, server_options().threads(1)));
            serves(transport, async_server(pool.get_executor(), listener(at, lines()), as_coroutine));
        }
    }
}

} // namespace

TEST_CASE("asyncio: our clients and its servers")
{
    for_each_python([](const interpreter& p) { check_its_servers(p.program, "asyncio"); });
}

TEST_CASE("asyncio: our servers and its clients")
{
    for_each_python([](const interpreter& p) { check_its_clients(p.program, "asyncio"); });
}

TEST_CASE("uvloop: our clients and its servers")
{
    check_its_servers(python_with("uvloop"), "uvloop");
}

TEST_CASE("uvloop: our servers and its clients")
{
    check_its_clients(python_with("uvloop"), "uvloop");
}
