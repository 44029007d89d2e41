// Node's `net` as a peer: bytes, and the end of one direction while the other goes on.
#include "integration/peers.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

// node -e … <role> <path or port>. Both roles end by themselves, with 0 if all was as expected. A server prints its port.
const char* const script = R"(
const net = require('net');
const [role, where] = process.argv.slice(1);
const at = where.startsWith('/') ? { path: where } : { host: '127.0.0.1', port: Number(where) };
const big = Buffer.alloc(3000000, 'node');
const roles = {
    // Sends back what comes, and after the end of it how much that was.
    echo: () => {
        const server = net.createServer({ allowHalfOpen: true }, (socket) => {
            server.close();
            let received = 0;
            socket.on('data', (chunk) => {
                received += chunk.length;
                if (!socket.write(chunk)) {
                    socket.pause();
                    socket.once('drain', () => socket.resume());
                }
            });
            socket.on('end', () => socket.end(`got ${received}\n`));
        });
        server.listen(at, () => console.log(server.address().port));
    },
    // Ends its direction first, and prints how much comes later.
    'ends-first': () => {
        const server = net.createServer({ allowHalfOpen: true }, (socket) => {
            server.close();
            let received = 0;
            socket.end('that is all\n');
            socket.on('data', (chunk) => { received += chunk.length; });
            socket.on('end', () => console.log(received));
        });
        server.listen(at, () => console.log(server.address().port));
    },
    client: () => {
        const socket = net.connect({ ...at, allowHalfOpen: true });
        let received = [];
        let size = 0;
        socket.write('hello\n');
        socket.on('data', (chunk) => {
            received.push(chunk);
            size += chunk.length;
            if (size === 6) {
                socket.write(big);
                socket.end();
            }
        });
        socket.on('end', () => {
            const expected = Buffer.concat([Buffer.from('hello\n'), big, Buffer.from(`got ${big.length + 6}\n`)]);
            process.exit(Buffer.concat(received).equals(expected) ? 0 : 1);
        });
    },
};
roles[role]();
)";

std::vector<std::string> node(const std::string& role, const std::string& where)
{
    return {program_in_path("node"), "-e", script, role, where};
}

/// A server of Node, and its address.
struct node_server {
    node_server(const std::string& role, bool over_tcp)
        : program(spawn_piped(node(role, over_tcp ? "0" : folder.file()), lines()))
    {
        const std::string port(program.output.recv(timeout).text());
        if (over_tcp)
            where = "tcp://127.0.0.1:" + port;
    }

    temporary_folder folder;
    piped_child<message_reader<lines>, message_writer<lines>> program;
    address where = address::unix_path(folder.file());
};

duplex connect_to(const address& at, style s)
{
    return s == style::blocking ? connect(at, timeout) : run(async_connect(at, timeout));
}

/// What Node's echo does.
void echo(duplex peer)
{
    std::size_t n = 0;
    for (error_code ec;;) {
        const bytes some = peer.recv(timeout, ec);
        if (ec == errc::end_of_stream)
            break;
        REQUIRE_FALSE(ec);
        n += some.size();
        peer.send(some, timeout);
    }
    peer.send("got " + std::to_string(n) + "\n", timeout);
    peer.shutdown_send(timeout);
}
asio::awaitable<void> echo_as_coroutine(duplex peer)
{
    std::size_t n = 0;
    for (error_code ec;;) {
        const bytes some = co_await peer.async_recv(timeout, asio::redirect_error(asio::use_awaitable, ec));
        if (ec == errc::end_of_stream)
            break;
        n += some.size();
        co_await peer.async_send(some, timeout);
    }
    const std::string told = "got " + std::to_string(n) + "\n";
    co_await peer.async_send(told, timeout);
    co_await peer.async_shutdown_send(timeout);
}

constexpr style styles[] = {style::blocking, style::coroutine};

} // namespace

TEST_CASE("node: its net servers and our clients, to the end of one direction after the other")
{
    const std::string big = text(3'000'000);
    for (const bool over_tcp : {true, false}) {
        for (const style s : styles) {
            CAPTURE(over_tcp, s == style::blocking);
            node_server there("echo", over_tcp);
            duplex d = connect_to(there.where, s);
            d.send("hello", timeout);
            CHECK(d.recv(5, timeout) == byte_view("hello"));
            auto sending = std::async(std::launch::async, [&] {
                d.send(big, timeout);
                d.shutdown_send(timeout);
            });
            CHECK((d.recv(big.size(), timeout) == byte_view(big)));
            sending.get();
            CHECK(d.recv_line(timeout) == byte_view("got 3000005"));
            CHECK(code_of([&] { (void)d.recv(timeout); }) == errc::end_of_stream);
            expect_success(there.program.process);
        }
    }
}

TEST_CASE("node: a net server that ends first still hears us")
{
    for (const bool over_tcp : {true, false}) {
        for (const style s : styles) {
            node_server there("ends-first", over_tcp);
            message_duplex<lines> d(connect_to(there.where, s));
            CHECK(d.next(timeout) == byte_view("that is all"));
            CHECK_FALSE(d.next(timeout));
            d.send("one more", timeout);
            d.as_bytes().send("and without an end of line", timeout);
            d.shutdown_send(timeout);
            CHECK(there.program.output.recv(timeout) == byte_view("35"));
            expect_success(there.program.process);
        }
    }
}

TEST_CASE("node: its net clients and our listeners and servers")
{
    for (const bool over_tcp : {true, false}) {
        CAPTURE(over_tcp);
        const temporary_folder folder;
        const address at = over_tcp ? address("tcp://127.0.0.1:0") : address::unix_path(folder.file());
        const auto start = [&](const address& to) {
            return spawn(node("client", over_tcp ? to.service() : to.name()));
        };
        {
            listener here(at);
            child c = start(here.address());
            echo(here.accept(timeout));
            expect_success(c);
        }
        {
            server here(listener<>{at}, echo, server_options().threads(1));
            child c = start(here.address());
            expect_success(c);
            CHECK(here.close(timeout) == 0);
            CHECK(here.failed() == 0);
        }
        asio::thread_pool pool(1);
        async_server here(pool.get_executor(), listener<>{at}, echo_as_coroutine);
        child c = start(here.address());
        expect_success(c);
        CHECK(here.close(timeout) == 0);
        CHECK(here.failed() == 0);
    }
}
