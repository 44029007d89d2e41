#include "bench/servers.hpp"

#include "bench/wire.hpp"
#include "support/posix/descriptors.hpp"

#include <ferrule/ferrule.hpp>
#include <ferrule/framing/length_prefix.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ferrule::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::steady_clock;
using test::must;
using test::unique_fd;

constexpr std::size_t message = 64;
constexpr std::size_t frame = sizeof(header) + message;

// ---- the servers ----

void by_ferrule(int port_to)
{
    using framing = length_prefix<std::uint32_t>;
    asio::io_context context(1);
    async_server server(context.get_executor(),
                        listener("tcp://127.0.0.1:0", framing(), listen_options().backlog(1024)),
                        [](message_duplex<framing> peer) -> asio::awaitable<void> {
                            while (const auto m = co_await peer.async_next())
                                co_await peer.async_send(*m);
                        });
    tell_where(port_to, std::to_string(server.address().port()));
    context.run();
}

asio::awaitable<void> asio_session(tcp::socket peer)
{
    std::vector<char> buffer(4096);
    std::size_t held = 0;
    try {
        for (;;) {
            held += co_await peer.async_read_some(asio::buffer(buffer) + held, asio::use_awaitable);
            std::size_t at = 0;
            while (held - at >= sizeof(header)) {
                const std::size_t size =
                    sizeof(header) + length_in(reinterpret_cast<const unsigned char*>(buffer.data() + at));
                if (held - at < size)
                    break;
                co_await asio::async_write(peer, asio::buffer(buffer.data() + at, size), asio::use_awaitable);
                at += size;
            }
            held -= at;
            std::memmove(buffer.data(), buffer.data() + at, held);
        }
    } catch (const boost::system::system_error&) { // the peer has left
    }
}

asio::awaitable<void> asio_accept(tcp::acceptor& acceptor)
{
    for (;;) {
        tcp::socket peer = co_await acceptor.async_accept(asio::use_awaitable);
        peer.set_option(tcp::no_delay(true));
        co_spawn(acceptor.get_executor(), asio_session(std::move(peer)), asio::detached);
    }
}

void by_asio(int port_to)
{
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    acceptor.listen(1024);
    tell_where(port_to, std::to_string(acceptor.local_endpoint().port()));
    co_spawn(context, asio_accept(acceptor), asio::detached);
    context.run();
}

constexpr const char* script = R"(
import asyncio, os, socket, sys

async def serve(reader, writer):
    try:
        while True:
            header = await reader.readexactly(4)
            writer.write(header + await reader.readexactly(int.from_bytes(header, "big")))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    os.write(int(sys.argv[1]), b"%d\n" % server.sockets[0].getsockname()[1])
    await server.serve_forever()

if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main())
)";

void run_python(int port_to, const char* loop)
{
    must(::fcntl(port_to, F_SETFD, 0));
    ::execlp(python_program().c_str(), "python3", "-c", script, std::to_string(port_to).c_str(), loop, nullptr);
    throw std::runtime_error("cannot start " + python_program());
}

void by_asyncio(int port_to)
{
    run_python(port_to, "asyncio");
}

void by_uvloop(int port_to)
{
    run_python(port_to, "uvloop");
}

/// Who serves.
struct server_program {
    const char* name;
    void (*run)(int port_to);
    bool needs_uvloop = false;
    bool is_python = false;
};

const server_program programs[] = {
    {"asio by hand", by_asio},
    {"ferrule", by_ferrule},
    {"asyncio", by_asyncio, false, true},
    {"uvloop", by_uvloop, true, true},
};

bool has_uvloop()
{
    static const bool has = std::system((python_program() + " -c 'import uvloop' 2>/dev/null").c_str()) == 0;
    return has;
}

// ---- the client ----

/// Sends and receives one message on each connection, as long as there is time. The raw calls are the same for all.
class client {
public:
    client(const serving& s, std::size_t connections) : epoll_(must(::epoll_create1(EPOLL_CLOEXEC)))
    {
        for (std::size_t i = 0; i < connections; ++i) {
            const unique_fd& fd = all_.emplace_back(s.connect());
            epoll_event e{};
            e.events = EPOLLIN;
            e.data.fd = fd.get();
            must(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &e));
        }
        const header h = header_of(message);
        const std::vector<char> p = payload(message);
        sent_.assign(h.begin(), h.end());
        sent_.insert(sent_.end(), p.begin(), p.end());
    }

    /// Returns microseconds per round trip.
    double run(double microseconds)
    {
        const auto began = steady_clock::now();
        const auto end = began + std::chrono::duration_cast<steady_clock::duration>(
                                     std::chrono::duration<double, std::micro>(microseconds));
        for (const unique_fd& fd : all_)
            send(fd.get());
        std::size_t done = 0;
        bool more = true;
        for (std::size_t open = all_.size(); open != 0;) {
            epoll_event ready[256];
            const int n = must(::epoll_wait(epoll_.get(), ready, 256, 20'000));
            if (n == 0)
                throw std::runtime_error("no answer in 20 s");
            more = more && steady_clock::now() < end;
            for (int i = 0; i < n; ++i) {
                receive(ready[i].data.fd);
                ++done;
                if (more)
                    send(ready[i].data.fd);
                else
                    --open;
            }
        }
        const std::chrono::duration<double, std::micro> took = steady_clock::now() - began;
        return took.count() / static_cast<double>(done);
    }

private:
    void send(int fd) const
    {
        if (::send(fd, sent_.data(), sent_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame))
            throw std::runtime_error("a connection is broken");
    }
    void receive(int fd) const
    {
        char got[frame];
        if (::recv(fd, got, frame, MSG_WAITALL) != static_cast<ssize_t>(frame) ||
            !std::equal(sent_.begin(), sent_.end(), got))
            throw std::runtime_error("not the message that was sent");
    }

    unique_fd epoll_;
    std::vector<unique_fd> all_;
    std::vector<char> sent_;
};

double measure_one(const server_program& who, std::size_t connections, double microseconds)
{
    const serving s(who.run);
    if (connections != 0) {
        client c(s, connections);
        (void)c.run(microseconds / 8);
        return c.run(microseconds);
    }
    const auto began = steady_clock::now();
    double took = 0;
    std::size_t n = 0;
    while (took < microseconds) {
        (void)client(s, 1).run(0);
        ++n;
        took = std::chrono::duration<double, std::micro>(steady_clock::now() - began).count();
    }
    return took / static_cast<double>(n);
}

} // namespace

std::vector<program_row> measure_servers(const std::vector<std::string>& only, int rounds, double microseconds)
{
    std::vector<program_row> rows;
    std::vector<std::size_t> connections;
    for (const std::size_t n : {std::size_t{1}, std::size_t{100}, std::size_t{1000}, std::size_t{0}}) {
        program_row r{"servers", n == 0 ? "connecting" : std::to_string(n) + " connections", {}};
        if (!is_wanted(only, r.full_name()))
            continue;
        for (const server_program& p : programs) {
            std::string problem = p.is_python ? no_python() : "";
            if (problem.empty() && p.needs_uvloop && !has_uvloop())
                problem = "there is no uvloop";
            r.entries.push_back({p.name, std::move(problem), {}});
        }
        rows.push_back(std::move(r));
        connections.push_back(n);
    }
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (std::size_t k = 0; k < std::size(programs); ++k)
                if (program_row::entry& e = rows[i].entries[k]; e.problem.empty())
                    measure_apart(e, [&] {
                        rlimit files{};
                        must(::getrlimit(RLIMIT_NOFILE, &files));
                        test::exchange_limit(RLIMIT_NOFILE, files.rlim_max); // also for the server
                        return measure_one(programs[k], connections[i], microseconds);
                    });
    return rows;
}

void print_servers(std::span<const program_row> rows)
{
    const std::string heading = "servers on one core, microseconds per round trip of " + std::to_string(message) +
                                " B, by one client on another core";
    print_programs(heading.c_str(), rows);
}

void check_servers(std::span<const program_row> rows, std::vector<verdict>& goals)
{
    for (const program_row& r : rows)
        if (r.name == "100 connections") {
            check_programs(r, "ferrule", 0.95, "asio by hand", goals);
            check_programs(r, "ferrule", 5, "asyncio", goals);
        }
}

} // namespace ferrule::bench
