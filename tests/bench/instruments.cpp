#include "bench/instruments.hpp"

#include "support/posix/descriptors.hpp"
#include "support/posix/python.hpp"

#include <ferrule/client/async_client.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/serial_port.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

namespace ferrule::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::steady_clock;
using test::must;
using test::unique_fd;

constexpr std::string_view question = "*IDN?\n";
constexpr std::string_view reply = "maker,model,serial number,version\n";

// Two instruments; the raw calls are the same for all.

/// Answers one peer after the other.
void answer_tcp(int to)
{
    const unique_fd listening(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::bind(listening.get(), reinterpret_cast<sockaddr*>(&at), sizeof at));
    must(::listen(listening.get(), 16));
    socklen_t size = sizeof at;
    must(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &size));
    tell_where(to, std::to_string(ntohs(at.sin_port)));
    for (;;) {
        const unique_fd peer(must(::accept(listening.get(), nullptr, nullptr)));
        const int on = 1;
        must(::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
        char got[256];
        for (ssize_t n = 0; (n = ::recv(peer.get(), got, sizeof got, 0)) > 0;) {
            std::string replies;
            for (auto lines = std::count(got, got + n, '\n'); lines != 0; --lines)
                replies += reply;
            if (::send(peer.get(), replies.data(), replies.size(), MSG_NOSIGNAL) < 0)
                break;
        }
    }
}

/// Answers at the end of a serial line, which is a pty.
void answer_serial(int to)
{
    int master = -1;
    int slave = -1; // stays open, or the line would end with its first peer
    char path[64];
    must(::openpty(&master, &slave, path, nullptr, nullptr));
    termios raw{};
    must(::tcgetattr(slave, &raw));
    ::cfmakeraw(&raw);
    must(::tcsetattr(slave, TCSANOW, &raw));
    tell_where(to, path);
    char got[256];
    for (ssize_t n = 0; (n = ::read(master, got, sizeof got)) > 0;)
        if (got[n - 1] == '\n' && ::write(master, reply.data(), reply.size()) < 0)
            break;
}

/// Repeats `ask` as long as there is time; returns microseconds per call.
template <class Ask>
double repeated(double microseconds, Ask ask)
{
    const auto since = [](steady_clock::time_point t) {
        return std::chrono::duration<double, std::micro>(steady_clock::now() - t).count();
    };
    for (const auto began = steady_clock::now(); since(began) < microseconds / 8;)
        ask();
    std::size_t n = 0;
    const auto began = steady_clock::now();
    for (; since(began) < microseconds; ++n)
        ask();
    return since(began) / static_cast<double>(n);
}

void check(std::string_view line)
{
    if (line != reply.substr(0, reply.size() - 1))
        throw std::runtime_error("not the reply");
}

/// What is measured with a coroutine: `ask()` is an awaitable.
template <class Ask>
asio::awaitable<double> repeated_by_coroutine(double microseconds, Ask ask)
{
    double took = 0;
    std::size_t n = 0;
    for (const double until : {microseconds / 8, microseconds}) {
        const auto began = steady_clock::now();
        for (n = 0, took = 0; took < until; ++n) {
            co_await ask();
            took = std::chrono::duration<double, std::micro>(steady_clock::now() - began).count();
        }
    }
    co_return took / static_cast<double>(n);
}

// How Asio connects, and how ferrule's addresses say it.
tcp::socket open_tcp(asio::io_context& context, const std::string& where)
{
    tcp::socket peer(context);
    peer.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(where))});
    peer.set_option(tcp::no_delay(true));
    return peer;
}
asio::serial_port open_serial(asio::io_context& context, const std::string& where)
{
    return asio::serial_port(context, where);
}
std::string tcp_address(const std::string& where)
{
    return "tcp://127.0.0.1:" + where;
}
std::string serial_address_of(const std::string& where)
{
    return "serial:" + where;
}

template <class Peer>
void read_reply(Peer& peer, std::string& held)
{
    const std::size_t n = asio::read_until(peer, asio::dynamic_buffer(held), '\n');
    check(std::string_view(held).substr(0, n - 1));
    held.erase(0, n);
}

template <auto Open>
double asio_blocking(const std::string& where, double microseconds)
{
    asio::io_context context(1);
    auto peer = Open(context, where);
    std::string held;
    return repeated(microseconds, [&] {
        asio::write(peer, asio::buffer(question));
        read_reply(peer, held);
    });
}

template <class Peer>
asio::awaitable<void> ask_by_asio(Peer& peer, std::string& held)
{
    co_await asio::async_write(peer, asio::buffer(question), asio::use_awaitable);
    const std::size_t n = co_await asio::async_read_until(peer, asio::dynamic_buffer(held), '\n', asio::use_awaitable);
    check(std::string_view(held).substr(0, n - 1));
    held.erase(0, n);
}

template <auto Open>
double asio_coroutine(const std::string& where, double microseconds)
{
    asio::io_context context(1);
    auto peer = Open(context, where);
    std::string held;
    const auto ask = [&] { return ask_by_asio(peer, held); };
    auto took = asio::co_spawn(context, repeated_by_coroutine(microseconds, ask), asio::use_future);
    context.run();
    return took.get();
}

template <auto Address>
double ferrule_blocking(const std::string& where, double microseconds)
{
    client instrument(Address(where));
    return repeated(microseconds, [&] { check(instrument.write_read_line(question).text()); });
}

asio::awaitable<void> ask_by_ferrule(client& instrument)
{
    const bytes line = co_await instrument.async_write_read_line(question);
    check(line.text());
}

template <auto Address>
double ferrule_coroutine(const std::string& where, double microseconds)
{
    asio::io_context context(1);
    client instrument(Address(where));
    const auto ask = [&] { return ask_by_ferrule(instrument); };
    auto took = asio::co_spawn(context, repeated_by_coroutine(microseconds, ask), asio::use_future);
    context.run();
    return took.get();
}

constexpr const char* script = R"(
import asyncio, sys, time
where, microseconds, module = sys.argv[1], float(sys.argv[2]), sys.argv[3]
async def by_asyncio():
    reader, writer = await asyncio.open_connection("127.0.0.1", int(where))
    async def ask():
        writer.write(b"*IDN?\n")
        await writer.drain()
        return await reader.readline()
    return ask
async def by_sockio():
    import sockio.aio
    tcp = sockio.aio.TCP("127.0.0.1", int(where))
    return lambda: tcp.write_readline(b"*IDN?\n")
async def by_serialio():
    import serialio.aio
    port = serialio.aio.serial_for_url("serial://" + where)
    return lambda: port.write_readline(b"*IDN?\n")
async def by_serial():
    import serial
    port = serial.serial_for_url(where)
    async def ask():
        port.write(b"*IDN?\n")
        return port.readline()
    return ask
async def main():
    ask = await globals()["by_" + module]()
    for limit in (microseconds / 8, microseconds):
        n, took, began = 0, 0, time.perf_counter()
        while took < limit:
            assert len(await ask()) == 34
            n += 1
            took = (time.perf_counter() - began) * 1e6
    print(took / n)
asyncio.run(main())
)";

/// A Python that can import it, or nothing.
std::string python_having(const std::string& module)
{
    for (const test::interpreter& p : test::pythons())
        if (std::system(("'" + p.program + "' -c 'import " + module + "' 2>/dev/null").c_str()) == 0)
            return p.program;
    return {};
}

template <const char* const& Module>
double python_client(const std::string& where, double microseconds)
{
    const std::string command = "'" + python_having(Module) + "' -c '" + script + "' " + where + " " +
                                std::to_string(microseconds) + " " + Module;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), &::pclose);
    double took = 0;
    if (!output || std::fscanf(output.get(), "%lf", &took) != 1)
        throw std::runtime_error("the script has failed");
    return took;
}

constexpr std::size_t at_once = 8; // requests that wait for their replies

/// By hand, for one who has all requests beforehand.
double asio_at_once(const std::string& where, double microseconds)
{
    asio::io_context context(1);
    tcp::socket peer = open_tcp(context, where);
    std::string questions;
    for (std::size_t i = 0; i < at_once; ++i)
        questions += question;
    std::string held;
    return repeated(microseconds,
                    [&] {
                        asio::write(peer, asio::buffer(questions));
                        for (std::size_t i = 0; i < at_once; ++i)
                            read_reply(peer, held);
                    }) /
           at_once;
}

/// Several coroutines that share a client, each with one request after the other.
template <std::size_t Depth>
double ferrule_at_once(const std::string& where, double microseconds)
{
    asio::io_context context(1);
    client instrument(tcp_address(where), client_options().pipeline(Depth));
    double took = 0;
    for (std::size_t i = 0; i < at_once; ++i)
        asio::co_spawn(context, repeated_by_coroutine(microseconds, [&] { return ask_by_ferrule(instrument); }),
                       [&](std::exception_ptr e, double t) {
                           if (e)
                               std::rethrow_exception(e);
                           took += t / at_once / at_once;
                       });
    context.run();
    return took;
}

constexpr const char* asyncio = "asyncio";
constexpr const char* sockio = "sockio";
constexpr const char* serial = "serial";
constexpr const char* serialio = "serialio";
constexpr const char* one_core = "one core";
constexpr const char* two_cores = "two cores";

struct client_program {
    const char* name;
    double (*run)(const std::string& where, double microseconds);
    const char* module = nullptr; // of Python
};

struct client_table {
    const char* name;
    const char* heading;
    void (*answer)(int to);
    std::vector<client_program> programs;
};

const client_table tables[] = {
    {"instruments",
     "a client of an instrument over TCP: microseconds from a request to its reply",
     answer_tcp,
     {{"asio blocking", asio_blocking<open_tcp>},
      {"ferrule blocking", ferrule_blocking<tcp_address>},
      {"asio coroutine", asio_coroutine<open_tcp>},
      {"ferrule coroutine", ferrule_coroutine<tcp_address>},
      {"asyncio", python_client<asyncio>, asyncio},
      {"sockio", python_client<sockio>, sockio}}},
    {"pipelined instruments",
     "8 callers of one instrument over TCP: microseconds per request",
     answer_tcp,
     {{"asio by hand", asio_at_once},
      {"ferrule, in a row", ferrule_at_once<1>},
      {"ferrule pipelined", ferrule_at_once<at_once>}}},
    {"serial instruments",
     "a client of an instrument at a serial line (a pty): microseconds from a request to its reply",
     answer_serial,
     {{"asio blocking", asio_blocking<open_serial>},
      {"ferrule blocking", ferrule_blocking<serial_address_of>},
      {"asio coroutine", asio_coroutine<open_serial>},
      {"ferrule coroutine", ferrule_coroutine<serial_address_of>},
      {"pyserial", python_client<serial>, serial},
      {"serialio", python_client<serialio>, serialio}}},
};

std::string problem_of(const client_program& p)
{
    return p.module != nullptr && python_having(p.module).empty() ? std::string("no Python has ") + p.module : "";
}

} // namespace

std::vector<program_row> measure_instruments(const std::vector<std::string>& only, int rounds, double microseconds)
{
    std::vector<program_row> rows;
    std::vector<const client_table*> table_of;
    for (const client_table& t : tables)
        for (const char* name : {one_core, two_cores}) {
            program_row r{t.name, name, {}};
            const bool is_moved = t.answer == answer_serial && name == one_core; // by the system, to any core
            if (is_moved || !is_wanted(only, r.full_name()))
                continue;
            for (const client_program& p : t.programs)
                r.entries.push_back({p.name, problem_of(p), {}});
            rows.push_back(std::move(r));
            table_of.push_back(&t);
        }
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (std::size_t k = 0; k < table_of[i]->programs.size(); ++k)
                if (program_row::entry& e = rows[i].entries[k]; e.problem.empty())
                    measure_apart(e, [&] {
                        const serving s(table_of[i]->answer);
                        on_core(rows[i].name == one_core ? 0 : 1);
                        return table_of[i]->programs[k].run(s.where(), microseconds);
                    });
    return rows;
}

void print_instruments(std::span<const program_row> rows)
{
    for (const client_table& t : tables) {
        std::vector<program_row> own;
        std::ranges::copy_if(rows, std::back_inserter(own), [&](const program_row& r) { return r.table == t.name; });
        print_programs(t.heading, own);
    }
}

void check_instruments(std::span<const program_row> rows, std::vector<verdict>& goals)
{
    for (const program_row& r : rows) {
        check_programs(r, "ferrule blocking", 1 / 1.1, "asio blocking", goals);
        check_programs(r, "ferrule coroutine", 1 / 1.1, "asio coroutine", goals);
        check_programs(r, r.name == one_core ? "ferrule coroutine" : "ferrule blocking", 5, "sockio", goals);
    }
}

} // namespace ferrule::bench
