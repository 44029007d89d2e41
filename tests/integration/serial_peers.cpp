// Serial lines of ser2net, of pyserial's server for RFC 2217, and of socat.
#include "integration/peers.hpp"
#include "support/posix/serial_pty.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/skip.hpp"
#include "support/test.hpp"

#include "src/testing/until_true.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/net/serial_server.hpp>

#include <filesystem>
#include <map>
#include <regex>

using namespace std::string_literals;

namespace {

/// The port at which a process listens, as Linux tells; 0 before it does.
int listening_port(int pid)
{
    const std::string process = "/proc/" + std::to_string(pid);
    std::set<std::string> sockets;
    std::error_code ignored;
    for (const auto& fd : std::filesystem::directory_iterator(process + "/fd", ignored)) {
        const std::string target = std::filesystem::read_symlink(fd.path(), ignored).string();
        if (target.starts_with("socket:["))
            sockets.insert(target.substr(8, target.size() - 9));
    }
    std::ifstream table(process + "/net/tcp");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        // number, local address:port, peer, state (0A: listening), …, inode as the tenth
        const std::regex columns(R"(\s*\S+\s+\w+:(\w+)\s+\S+\s+0A(?:\s+\S+){5}\s+(\d+).*)");
        std::smatch found;
        if (std::regex_match(line, found, columns) && sockets.contains(found[2]))
            return std::stoi(found[1], nullptr, 16);
    }
    return 0;
}

/// A ser2net with one connection.
class ser2net {
public:
    ser2net(const std::string& accepter, const std::string& connector, const std::string& options = {})
        : program_(start(folder_, accepter, connector, options))
    {
        while ((port_ = listening_port(program_.pid())) == 0) {
            error_code ec;
            (void)program_.wait(20ms, ec);
            if (!ec)
                throw std::runtime_error("ser2net has ended");
        }
    }
    ser2net(const ser2net&) = delete;
    ser2net& operator=(const ser2net&) = delete;
    ~ser2net()
    {
        program_.kill();
        (void)program_.wait();
    }

    [[nodiscard]] std::string where(const std::string& options = {}) const
    {
        return "rfc2217://127.0.0.1:" + std::to_string(port_) + (options.empty() ? "" : "?" + options);
    }
    [[nodiscard]] std::string raw() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

    static std::string line(const std::string& path) { return "serialdev(nouucplock=true)," + path + ",9600n81,local"; }

private:
    static child start(const temporary_folder& folder, const std::string& accepter, const std::string& connector,
                       const std::string& options)
    {
        std::ofstream(folder.file("it.yaml"))
            << "%YAML 1.1\n---\nconnection: &it\n    accepter: " << (accepter.empty() ? "" : accepter + ",")
            << "tcp,127.0.0.1,0\n    connector: " << connector << "\n"
            << (options.empty() ? "" : "    options:\n      " + options + "\n");
        const std::string usual = "/usr/sbin/ser2net";
        const std::string program = std::filesystem::exists(usual) ? usual : program_in_path("ser2net");
        return spawn({program, "-n", "-u", "-c", folder.file("it.yaml"), "-P", folder.file("pid")});
    }

    temporary_folder folder_;
    child program_;
    int port_ = 0;
};

const std::string rfc2217 = "telnet(rfc2217)";

serial_port open(const std::string& where, style s)
{
    return s == style::blocking ? serial_port(where, timeout) : run(async_open_serial_port(where, timeout));
}

/// Once ser2net has noticed that the client before has gone.
serial_port open_when_free(const std::string& where, style s)
{
    for (;;) {
        try {
            return open(where, s);
        } catch (const error& e) {
            if (e.code() != serial_errc::port_in_use)
                throw;
        }
    }
}

constexpr style styles[] = {style::blocking, style::coroutine};

} // namespace

TEST_CASE("ser2net: settings reach its line, at opening and later, and every byte passes both ways")
{
    for (const style s : styles) {
        serial_pty pty;
        const ser2net server(rfc2217, ser2net::line(pty.path()));
        serial_port port = open(server.where("baud=115200&stop=2"), s);
        CHECK(pty.speed() == B115200);
        CHECK((pty.settings().c_cflag & CSTOPB) != 0u);

        duplex device = pty.device();
        std::string all;
        for (int i = 0; i < 2000; ++i)
            all += "\r\n\0\xff\r"s + static_cast<char>(i);
        auto sending = std::async(std::launch::async, [&] { port.send(all, timeout); });
        CHECK((device.recv(all.size(), timeout) == byte_view(all)));
        sending.get();
        sending = std::async(std::launch::async, [&] { device.send(all, timeout); });
        CHECK((port.recv(all.size(), timeout) == byte_view(all)));
        sending.get();

        const serial_settings saved = port.settings();
        for (const serial_settings& wanted :
             {serial_settings().baud(300), serial_settings().baud(19'200).data_bits(7).parity(parity::even),
              serial_settings().baud(4800).parity(parity::mark), serial_settings().xon_xoff(true),
              serial_settings().rts_cts(true), saved}) {
            CAPTURE(wanted.to_string());
            if (s == style::blocking)
                port.apply(wanted, timeout);
            else
                run(port.async_apply(wanted, timeout));
            CHECK(port.settings() == wanted);
        }
        CHECK(pty.speed() == B115200);
        port.apply(serial_settings().baud(12'345), timeout); // a speed of nobody's
    }
}

TEST_CASE("ser2net: what its pty cannot do is not answered, and the options say what that means")
{
    serial_pty pty;
    const ser2net server(rfc2217, ser2net::line(pty.path()));
    {
        serial_port port(server.where("request_timeout=300"), timeout);
        CHECK(code_of([&] { port.set_rts(false, timeout); }) == serial_errc::no_answer);
        CHECK(code_of([&] { run(port.async_set_dtr(false, timeout)); }) == serial_errc::no_answer);
        CHECK(port.modem(timeout) == modem_lines());
        CHECK(run(port.async_modem(timeout)) == modem_lines());
        CHECK(port.errors(timeout) == line_errors());
        CHECK(code_of([&] { (void)port.modem_change({}, 10ms); }) == errc::timed_out);
        port.set_break(true, timeout);
        port.set_break(false, timeout);
        port.send_break(10ms, timeout);
        run(port.async_send_break(10ms, timeout));
        CHECK(code_of([&] { port.drain(timeout); }) == errc::unsupported);
        for (const serial_queue q : {serial_queue::input, serial_queue::output, serial_queue::both})
            port.purge(q, timeout);
    }
    serial_port port = open_when_free(
        server.where("request_timeout=300&control_answers=optional&purge_answers=required"), style::blocking);
    port.set_rts(false, timeout);
    CHECK_FALSE(port.settings().rts());
    run(port.async_purge(serial_queue::both, timeout));
}

TEST_CASE("ser2net: a port in use is a clear error, and free again when the first client has gone")
{
    for (const style s : styles) {
        serial_pty pty;
        const ser2net server(rfc2217, ser2net::line(pty.path()));
        serial_port first = open(server.where(), s);
        const error_code ec = code_of([&] { (void)open(server.where(), s); });
        CHECK(ec == serial_errc::port_in_use);
        CHECK(ec == boost::system::errc::device_or_resource_busy);
        first.close();
        CHECK(open_when_free(server.where(), s).is_open());
    }
}

TEST_CASE("ser2net: a device that does not open is a clear error")
{
    const ser2net server(rfc2217, ser2net::line("/dev/is-not-there"));
    for (const style s : styles)
        CHECK(code_of([&] { (void)open(server.where(), s); }) == serial_errc::device_failed);
}

TEST_CASE("ser2net: peers that lack RFC 2217, or a line, are told apart in time")
{
    const ser2net plain("telnet", "echo");
    const ser2net no_line(rfc2217, "echo");
    for (const style s : styles) {
        CHECK(code_of([&] { (void)open(plain.where(), s); }) == serial_errc::no_rfc2217);
        CHECK(code_of([&] { (void)open(no_line.where("request_timeout=300"), s); }) == serial_errc::no_answer);
    }
}

TEST_CASE("ser2net: clients that share a port do not take the answers of each other for theirs")
{
    serial_pty pty;
    const ser2net server(rfc2217, ser2net::line(pty.path()), "max-connections: 3");
    serial_port one(server.where(), timeout);
    serial_port other(server.where(), timeout);
    const auto change = [](serial_port& port, std::uint32_t odd) {
        for (std::uint32_t i = 0; i < 50; ++i) {
            try {
                port.apply(serial_settings().baud(1200 + 2 * i + odd), timeout);
            } catch (const rejected_error&) { // the other has changed it since, and that is true
            }
        }
    };
    auto changing = std::async(std::launch::async, [&] { change(one, 0); });
    change(other, 1);
    changing.get();
    // What a refused call sets back may come after the end of the call.
    const auto settle = [&](serial_port& port, std::uint32_t baud, speed_t speed) {
        testing::kit::until_true([&] {
            error_code ec;
            port.apply(serial_settings().baud(baud), timeout, ec);
            return !ec && pty.speed() == speed;
        });
    };
    settle(one, 57'600, B57600);
    settle(other, 38'400, B38400);
    // Data of the device goes to both.
    duplex device = pty.device();
    device.send("to both", timeout);
    CHECK(one.recv(7, timeout) == byte_view("to both"));
    CHECK(other.recv(7, timeout) == byte_view("to both"));
}

TEST_CASE("ser2net: raw TCP carries every byte, and has no settings")
{
    for (const style s : styles) {
        serial_pty pty;
        const ser2net server("", ser2net::line(pty.path()));
        serial_port port = open(server.raw(), s);
        port.apply(serial_settings().baud(300), timeout);
        duplex device = pty.device();
        const std::string all = "\r\n\0\xff\xff\r"s;
        send(port, all, s);
        CHECK(device.recv(all.size(), timeout) == byte_view(all));
        device.send(all, timeout);
        CHECK(port.recv(all.size(), timeout) == byte_view(all));
        CHECK(pty.speed() == B9600); // its own
        CHECK(code_of([&] { port.set_rts(true, timeout); }) == errc::unsupported);
    }
}

TEST_CASE("ser2net: one that is killed is an error in every call")
{
    serial_pty pty;
    auto server = std::make_optional<ser2net>(rfc2217, ser2net::line(pty.path()));
    serial_port port(server->where(), timeout);
    auto reading = std::async(std::launch::async, [&] { return code_of([&] { (void)port.recv(timeout); }); });
    server.reset();
    CHECK(reading.get() == condition::broken);
    CHECK(code_of([&] { port.apply({}, timeout); }) == condition::broken);
    CHECK(code_of([&] { port.send("x", timeout); }) == condition::broken);
}

namespace {

/// pyserial's server, with a line whose RTS is its CTS and whose DTR is its DSR.
const std::string pyserial_server = R"(
import serial, serial.rfc2217, socket, sys, threading, time
here = socket.create_server(('127.0.0.1', 0))
print(here.getsockname()[1], flush=True)
while True:
    peer, _ = here.accept()
    line = serial.serial_for_url('loop://', timeout=0.05)
    class Connection:
        def write(self, data): peer.sendall(data)
    manager = serial.rfc2217.PortManager(line, Connection())
    alive = True
    def forward():
        while alive:
            data = line.read(line.in_waiting or 1)
            if data: peer.sendall(b''.join(manager.escape(data)))
            manager.check_modem_lines()
    reading = threading.Thread(target=forward, daemon=True)
    reading.start()
    try:
        while True:
            data = peer.recv(4096)
            if not data: break
            line.write(b''.join(manager.filter(data)))
    except OSError: pass
    alive = False
    reading.join()
    peer.close()
)";

class pyserial {
public:
    pyserial() : program_(spawn_piped({python_with("serial.rfc2217"), "-c", pyserial_server}))
    {
        port_ = program_.output.recv_line(timeout).text();
    }
    pyserial(const pyserial&) = delete;
    pyserial& operator=(const pyserial&) = delete;
    ~pyserial() { program_.process.kill(); }

    [[nodiscard]] std::string where(const std::string& options = {}) const
    {
        return "rfc2217://127.0.0.1:" + port_ + (options.empty() ? "" : "?" + options);
    }

private:
    piped_child<reader, writer> program_;
    std::string port_;
};

} // namespace

TEST_CASE("pyserial: its server takes settings, and its line shows the modem lines and what was sent")
{
    const pyserial server;
    for (const style s : styles) {
        serial_port port = open(server.where("baud=115200&parity=E"), s);
        const modem_lines all(true, true, false, true); // CD is always on there
        modem_lines now = port.modem(timeout);
        while (now != all)
            now = port.modem_change(now, timeout);
        const auto switched = [&](auto&& change) {
            auto watching = std::async(std::launch::async, [&] {
                return s == style::blocking ? port.modem_change(now, timeout)
                                            : run(port.async_modem_change(now, timeout));
            });
            change();
            now = watching.get();
            return now;
        };
        CHECK(switched([&] { port.set_rts(false, timeout); }) == modem_lines(false, true, false, true));
        CHECK(switched([&] { run(port.async_set_dtr(false, timeout)); }) == modem_lines(false, false, false, true));
        CHECK(switched([&] { port.set_rts(true, timeout); }) == modem_lines(true, false, false, true));
        CHECK(switched([&] { port.set_dtr(true, timeout); }) == all);
        CHECK(run(port.async_modem(timeout)) == all);

        std::string data;
        for (int i = 0; i < 500; ++i)
            data += "\r\n\0\xff\r"s + static_cast<char>(i);
        send(port, data, s);
        CHECK((port.recv(data.size(), timeout) == byte_view(data)));

        port.set_break(true, timeout);
        port.set_break(false, timeout);
        run(port.async_send_break(5ms, timeout));
        port.purge(serial_queue::both, timeout);
        const serial_settings saved = port.settings();
        port.apply(serial_settings().baud(300).data_bits(7).stop_bits(stop_bits::two).xon_xoff(true), timeout);
        run(port.async_apply(saved, timeout));
        port.close();
    }
}

namespace {

/// Our server over a pty, for one client after the other.
class our_server {
public:
    our_server()
        : serving_([this] {
              for (error_code ec; !ec;) {
                  duplex client = here_.accept({}, ec);
                  if (!ec)
                      serve_serial_port(std::move(client), port_, {}, ec);
              }
          })
    {
    }
    ~our_server()
    {
        here_.close();
        port_.close();
    }

    [[nodiscard]] std::string port() const { return here_.address().service(); }
    [[nodiscard]] std::string where() const { return "rfc2217://127.0.0.1:" + port(); }

    serial_pty pty;

private:
    listener<> here_{address("tcp://127.0.0.1:0")};
    serial_port port_{pty.path()};
    std::jthread serving_; // first to be destroyed, which joins it
};

/// A client that opens, does what each line tells, and says what has come of it.
const std::string pyserial_client = R"(
import serial, sys
port = serial.serial_for_url(sys.argv[1], baudrate=9600, timeout=10, do_not_open=True)
port.open()
print('open', flush=True)
for line in sys.stdin:
    try: print(eval(line), flush=True)
    except Exception as e: print(type(e).__name__, flush=True); print(e, file=sys.stderr)
port.close()
)";

} // namespace

TEST_CASE("pyserial: its client is served by ours, down to the settings of the pty")
{
    our_server server;
    piped_child<message_reader<lines>, message_writer<lines>> client =
        spawn_piped({python_with("serial.rfc2217"), "-c", pyserial_client, server.where()}, lines());
    CHECK(client.output.recv(timeout) == byte_view("open"));
    const auto eval = [&](const std::string& expression) {
        client.input.send(expression, timeout);
        return client.output.recv(timeout);
    };
    duplex device = server.pty.device();
    CHECK(eval("setattr(port, 'baudrate', 115200)") == byte_view("None"));
    CHECK(server.pty.speed() == B115200);
    CHECK(eval("setattr(port, 'stopbits', 2)") == byte_view("None"));
    CHECK((server.pty.settings().c_cflag & CSTOPB) != 0u);
    CHECK(eval("setattr(port, 'xonxoff', True)") == byte_view("None"));
    CHECK((server.pty.settings().c_iflag & IXON) != 0u);
    CHECK(eval("setattr(port, 'stopbits', 1.5)") == byte_view("ValueError")); // which a pty refuses
    CHECK(eval("setattr(port, 'stopbits', 2)") == byte_view("None"));         // until then it asks for that again
    CHECK(eval("setattr(port, 'xonxoff', False)") == byte_view("None"));
    CHECK(eval("port.apply_settings(dict(baudrate=300, parity='E', bytesize=7, stopbits=1))") == byte_view("None"));
    CHECK(server.pty.speed() == B300);
    CHECK(eval("port.write(bytes(range(256)) * 4)") == byte_view("1024"));
    std::string all;
    for (int i = 0; i < 1024; ++i)
        all += static_cast<char>(i);
    CHECK((device.recv(all.size(), timeout) == byte_view(all)));
    device.send(all, timeout);
    CHECK(eval("port.read(1024) == bytes(range(256)) * 4") == byte_view("True"));
    CHECK(eval("port.reset_input_buffer()") == byte_view("None"));
    CHECK(eval("port.reset_output_buffer()") == byte_view("None"));
    CHECK(eval("port.cts, port.dsr, port.ri, port.cd") == byte_view("(False, False, False, False)"));
    client.input.close();
    expect_success(client.process);
}

TEST_CASE("gensio: its client is served by ours")
{
    our_server server;
    duplex device = server.pty.device();
    auto client = spawn_piped(
        {program_in_path("gensiot"), "-i", "stdio(self)", "telnet(rfc2217),tcp,127.0.0.1," + server.port()});
    client.input.send("to the device", timeout);
    CHECK(device.recv(13, timeout) == byte_view("to the device"));
    device.send("and \xff back", timeout);
    CHECK(client.output.recv(10, timeout) == byte_view("and \xff back"));
    client.process.kill();
    (void)client.process.wait(timeout);
}

TEST_CASE("serial_server: a line of a server can be served again")
{
    our_server first;
    duplex device = first.pty.device();
    serial_port middle(first.where(), timeout);
    listener here(address("tcp://127.0.0.1:0"));
    auto serving = std::async(std::launch::async, [&] { serve_serial_port(here.accept(timeout), middle, timeout); });
    {
        serial_port last("rfc2217://127.0.0.1:" + here.address().service() + "?baud=57600", timeout);
        CHECK(first.pty.speed() == B57600);
        last.send("through all of it", timeout);
        CHECK(device.recv(17, timeout) == byte_view("through all of it"));
        device.send("and back", timeout);
        CHECK(last.recv(8, timeout) == byte_view("and back"));
        last.apply(serial_settings().baud(300).stop_bits(stop_bits::two), timeout);
        CHECK(first.pty.speed() == B300);
    }
    serving.get();
}

TEST_CASE("socat: the two ends of its pair of ptys are serial ports")
{
    const temporary_folder folder;
    struct killed : child {
        ~killed() { kill(); }
    } program{spawn({program_in_path("socat"), "PTY,raw,echo=0,link=" + folder.file("a"),
                     "PTY,raw,echo=0,link=" + folder.file("b")})};
    for (const std::string& end : {folder.file("a"), folder.file("b")}) {
        while (!std::filesystem::exists(end)) {
            error_code ec;
            (void)program.wait(10ms, ec);
            REQUIRE(ec);
        }
    }
    for (const style s : styles) {
        serial_port one = open(folder.file("a") + "?baud=115200", s);
        serial_port other = open(folder.file("b") + "?baud=115200", s);
        const std::string all = text(100'000);
        auto sending = std::async(std::launch::async, [&] { one.send(all, timeout); });
        CHECK((other.recv(all.size(), timeout) == byte_view(all)));
        sending.get();
        one.drain(timeout);
    }
    serial_port one(folder.file("a"));
    auto reading = std::async(std::launch::async, [&] { return code_of([&] { (void)one.recv(timeout); }); });
    program.kill();
    CHECK(reading.get() == boost::system::errc::io_error);
    (void)program.wait(timeout);
}

namespace {

/// One thing that can be asked of a port.
struct operation {
    std::string name;
    std::function<void(serial_port&)> blocking;
    std::function<asio::awaitable<void>(serial_port&)> coroutine;
};

template <class T>
asio::awaitable<void> nothing_of(asio::awaitable<T> a)
{
    (void)co_await std::move(a);
}

std::vector<operation> operations()
{
    const serial_settings s = serial_settings().baud(19'200);
    constexpr auto soon = 50ms; // until modem lines do not change
    return {
        {"apply", [=](auto& p) { p.apply(s, timeout); }, [=](auto& p) { return p.async_apply(s, timeout); }},
        {"modem", [](auto& p) { (void)p.modem(timeout); }, [](auto& p) { return nothing_of(p.async_modem(timeout)); }},
        {"modem change", [=](auto& p) { (void)p.modem_change(p.modem(timeout), soon); },
         [=](auto& p) { return nothing_of(p.async_modem_change(p.modem(timeout), soon)); }},
        {"rts", [](auto& p) { p.set_rts(false, timeout); }, [](auto& p) { return p.async_set_rts(false, timeout); }},
        {"dtr", [](auto& p) { p.set_dtr(false, timeout); }, [](auto& p) { return p.async_set_dtr(false, timeout); }},
        {"break", [](auto& p) { p.set_break(true, timeout); },
         [](auto& p) { return p.async_set_break(true, timeout); }},
        {"timed break", [](auto& p) { p.send_break(1ms, timeout); },
         [](auto& p) { return p.async_send_break(1ms, timeout); }},
        {"purge input", [](auto& p) { p.purge(serial_queue::input, timeout); },
         [](auto& p) { return p.async_purge(serial_queue::input, timeout); }},
        {"purge output", [](auto& p) { p.purge(serial_queue::output, timeout); },
         [](auto& p) { return p.async_purge(serial_queue::output, timeout); }},
        {"drain", [](auto& p) { p.drain(timeout); }, [](auto& p) { return p.async_drain(timeout); }},
        {"queued input", [](auto& p) { (void)p.queued_input(timeout); },
         [](auto& p) { return nothing_of(p.async_queued_input(timeout)); }},
        {"queued output", [](auto& p) { (void)p.queued_output(timeout); },
         [](auto& p) { return nothing_of(p.async_queued_output(timeout)); }},
        {"output flow", [](auto& p) { p.set_output_flow(true, timeout); },
         [](auto& p) { return p.async_set_output_flow(true, timeout); }},
        {"input flow", [](auto& p) { p.set_input_flow(true, timeout); },
         [](auto& p) { return p.async_set_input_flow(true, timeout); }},
        {"errors", [](auto& p) { (void)p.errors(timeout); },
         [](auto& p) { return nothing_of(p.async_errors(timeout)); }},
        {"errors change", [=](auto& p) { (void)p.errors_change({}, soon); },
         [=](auto& p) { return nothing_of(p.async_errors_change({}, soon)); }},
    };
}

/// What does not succeed, and how.
using failures = std::map<std::string, error_code>;

void expect_outcomes(const std::string& way, const std::function<serial_port()>& open_one, const failures& expected)
{
    for (const style s : styles) {
        serial_port port = open_one();
        for (const operation& o : operations()) {
            CAPTURE(way, o.name, s == style::blocking);
            const error_code ec = code_of([&] {
                if (s == style::blocking)
                    o.blocking(port);
                else
                    run(o.coroutine(port));
            });
            const auto failure = expected.find(o.name);
            CHECK(ec == (failure == expected.end() ? error_code() : failure->second));
        }
    }
}

} // namespace

TEST_CASE("serial_port: every operation over every way succeeds, or says why not")
{
    const error_code no = errc::unsupported;
    const error_code late = errc::timed_out; // no modem line changes, and there is no error
    const error_code silent = serial_errc::no_answer;
    const error_code refused = serial_errc::rejected;
    serial_pty pty;
    expect_outcomes("local", [&] { return serial_port(pty.path()); },
                    {{"rts", no},
                     {"dtr", no},
                     {"modem", no},
                     {"modem change", no},
                     {"break", no},
                     {"timed break", no},
                     {"errors", no},
                     {"errors change", no}});

    const ser2net raw("", ser2net::line(pty.path()));
    const auto no_words = failures{{"drain", no}, {"queued output", no}, {"output flow", no}};
    failures raw_failures = no_words;
    for (const char* name : {"rts", "dtr", "modem", "modem change", "break", "timed break", "purge output",
                             "queued input", "input flow", "errors", "errors change"})
        raw_failures[name] = no;
    expect_outcomes("raw TCP", [&] { return serial_port(raw.raw(), timeout); }, raw_failures);

    const our_server ours;
    failures of_ours = no_words;
    of_ours.insert({{"rts", refused},
                    {"dtr", refused},
                    {"break", refused},
                    {"timed break", refused},
                    {"modem change", late},
                    {"errors", no},
                    {"errors change", late}});
    expect_outcomes("our server", [&] { return serial_port(ours.where(), timeout); }, of_ours);

    serial_pty another;
    const ser2net theirs(rfc2217, ser2net::line(another.path()));
    failures of_theirs = no_words;
    of_theirs.insert({{"rts", silent}, {"dtr", silent}, {"modem change", late}, {"errors change", late}});
    expect_outcomes(
        "ser2net", [&] { return open_when_free(theirs.where("request_timeout=200"), style::blocking); }, of_theirs);

    const pyserial python;
    failures of_python = no_words;
    of_python.insert({{"errors", no}, {"errors change", late}});
    of_python["modem change"] = late;
    expect_outcomes("pyserial", [&] { return serial_port(python.where(), timeout); }, of_python);
}
