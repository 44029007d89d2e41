#include "bench/servers.hpp"

#include "bench/measure.hpp"
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

void tell(int to, std::uint16_t port)
{
    const std::string text = std::to_string(port) + '\n';
    must(static_cast<int>(::write(to, text.data(), text.size())));
}

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
    tell(port_to, server.address().port());
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
    tell(port_to, acceptor.local_endpoint().port());
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

void on_core(std::size_t i)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus()[i % cpus().size()], &set);
    must(::sched_setaffinity(0, sizeof set, &set));
}

/// A server in a process of its own, on a core of its own.
class serving {
public:
    explicit serving(const server_program& who)
    {
        auto [port, port_to] = test::raw_pipe();
        pid_ = must(::fork());
        if (pid_ == 0) {
            ::alarm(120);
            try {
                on_core(0);
                who.run(port_to.get());
            } catch (const std::exception& e) {
                std::fprintf(stderr, "%s: %s\n", who.name, e.what());
            }
            ::_exit(1);
        }
        port_to.reset();
        char text[16] = {};
        if (::read(port.get(), text, sizeof text - 1) <= 0)
            throw std::runtime_error("the server does not start");
        to_.sin_family = AF_INET;
        to_.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text)));
        to_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;
    ~serving()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] unique_fd connect() const
    {
        unique_fd fd(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        const int on = 1;
        must(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
        must(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to_), sizeof to_));
        return fd;
    }

private:
    pid_t pid_ = -1;
    sockaddr_in to_{};
};

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
    const serving s(who);
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

void measure(server_row::entry& e, std::size_t connections, double microseconds)
{
    // In a process of its own, since it is pinned.
    auto [result, to] = test::raw_pipe();
    const pid_t pid = must(::fork());
    if (pid == 0) {
        std::string text;
        try {
            rlimit files{};
            must(::getrlimit(RLIMIT_NOFILE, &files));
            test::exchange_limit(RLIMIT_NOFILE, files.rlim_max); // also for the server
            on_core(1);
            text = std::to_string(measure_one(*e.who, connections, microseconds));
        } catch (const std::exception& x) {
            text = std::string("!") + x.what();
        }
        (void)!::write(to.get(), text.data(), text.size());
        ::_exit(0);
    }
    to.reset();
    const std::string text = test::read_to_end(result.get());
    ::waitpid(pid, nullptr, 0);
    if (text.empty() || text[0] == '!')
        e.problem = text.empty() ? "no result" : text.substr(1);
    else
        e.rounds.push_back(std::strtod(text.c_str(), nullptr));
}

} // namespace

std::string server_row::full_name() const
{
    return "servers/" + (connections == 0 ? std::string("connecting") : std::to_string(connections) + " connections");
}

std::optional<double> server_row::median(std::string_view who) const
{
    for (const entry& e : entries)
        if (e.who->name == who && e.problem.empty() && !e.rounds.empty()) {
            std::vector<double> r = e.rounds;
            std::ranges::nth_element(r, r.begin() + static_cast<std::ptrdiff_t>(r.size() / 2));
            return r[r.size() / 2];
        }
    return std::nullopt;
}

std::vector<server_row> measure_servers(const std::vector<std::string>& only, int rounds, double microseconds)
{
    std::vector<server_row> rows;
    for (const std::size_t connections : {std::size_t{1}, std::size_t{100}, std::size_t{1000}, std::size_t{0}}) {
        server_row r{connections, {}};
        const std::string full = r.full_name();
        if (!only.empty() &&
            std::ranges::none_of(only, [&](const std::string& s) { return full.find(s) != full.npos; }))
            continue;
        for (const server_program& p : programs) {
            std::string problem = p.is_python ? no_python() : "";
            if (problem.empty() && p.needs_uvloop && !has_uvloop())
                problem = "there is no uvloop";
            r.entries.push_back({&p, std::move(problem), {}});
        }
        rows.push_back(std::move(r));
    }
    for (int round = 0; round < rounds; ++round)
        for (server_row& r : rows)
            for (server_row::entry& e : r.entries)
                if (e.problem.empty())
                    measure(e, r.connections, microseconds);
    return rows;
}

void print_servers(std::span<const server_row> rows)
{
    if (rows.empty())
        return;
    std::printf("\nservers on one core, microseconds per round trip of %zu B, by one client on another core\n%-18s",
                message, "");
    for (const server_row::entry& e : rows.front().entries)
        std::printf(" %17s", e.who->name);
    std::printf("\n");
    for (const server_row& r : rows) {
        std::printf("%-18s", r.full_name().substr(8).c_str());
        const auto base = r.median(programs[0].name);
        for (const server_row::entry& e : r.entries) {
            const auto m = r.median(e.who->name);
            if (m)
                std::printf(" %9.2f %6.2fx", *m, base ? *m / *base : 0.0);
            else
                std::printf(" %17s", e.rounds.empty() ? "skipped" : "failed");
        }
        std::printf("\n");
    }
    for (const server_row& r : rows)
        for (const server_row::entry& e : r.entries)
            if (!e.problem.empty() && (&r == &rows.front() || !e.rounds.empty()))
                std::printf("%s, %s: %s\n", r.full_name().c_str(), e.who->name, e.problem.c_str());
}

void check_servers(std::span<const server_row> rows, std::vector<verdict>& goals)
{
    const auto goal = [&](const server_row& r, const char* other, double least, std::string text) {
        const auto ours = r.median("ferrule");
        const auto theirs = r.median(other);
        if (ours && theirs)
            goals.push_back({std::move(text), r.full_name(), *theirs / *ours, *theirs / *ours >= least});
    };
    for (const server_row& r : rows)
        if (r.connections == 100) {
            goal(r, "asio by hand", 0.95, "at least 0.95 x asio by hand");
            goal(r, "asyncio", 5, "at least 5 x asyncio");
        }
}

} // namespace ferrule::bench
