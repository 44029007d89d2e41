#include "support/posix/serial_pty.hpp"
#include "support/test.hpp"

#include "platform/serial/com_port.hpp"
#include "platform/serial/telnet.hpp"

#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/net/serial_server.hpp>
#include <ferrule/net/server.hpp>

using namespace std::string_literals;

namespace {

/// A pty, its port, and a listener where the port is served, to one client after the other or several at a time.
class exported {
public:
    explicit exported(bool in_coroutine = false, std::size_t threads = 1)
    {
        for (std::size_t i = 0; i < threads; ++i) {
            serving_.emplace_back([this, in_coroutine] {
                for (;;) {
                    error_code ec;
                    duplex client = here_.accept({}, ec);
                    if (ec)
                        return;
                    if (in_coroutine)
                        ec = code_of([&] { run(async_serve_serial_port(std::move(client), port)); });
                    else
                        serve_serial_port(std::move(client), port, {}, ec);
                    const std::lock_guard guard(mutex_);
                    ends_.push_back(ec);
                    changed_.notify_all();
                }
            });
        }
    }
    ~exported()
    {
        here_.close();
        port.close();
    }

    [[nodiscard]] std::string where(const std::string& options = {}) const
    {
        return "rfc2217://127.0.0.1:" + here_.address().service() + (options.empty() ? "" : "?" + options);
    }
    [[nodiscard]] std::string tcp() const { return "tcp://127.0.0.1:" + here_.address().service(); }
    /// How the next session has ended.
    error_code next_end()
    {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, timeout, [&] { return !ends_.empty(); }));
        const error_code ec = ends_.front();
        ends_.erase(ends_.begin());
        return ec;
    }

    serial_pty pty;
    serial_port port{pty.path()};

private:
    listener<> here_{address("tcp://127.0.0.1:0")};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<error_code> ends_;
    std::vector<std::jthread> serving_; // first to be destroyed, which joins them
};

} // namespace

TEST_CASE("serial_server: our client has the settings, the bytes, and the end, from blocking and coroutine servers")
{
    for (const bool in_coroutine : {false, true}) {
        exported it(in_coroutine);
        duplex device = it.pty.device();
        for (int client = 0; client < 2; ++client) {
            serial_port port(it.where("baud=115200&stop=2&rtscts=on"), timeout);
            CHECK(it.pty.speed() == B115200);
            CHECK((it.pty.settings().c_cflag & (CSTOPB | CRTSCTS)) == (CSTOPB | CRTSCTS));
            CHECK(it.port.settings().baud() == 115'200);

            std::string all;
            for (int i = 0; i < 20'000; ++i)
                all += "\r\n\0\xff\r"s + static_cast<char>(i);
            auto sending = std::async(std::launch::async, [&] { port.send(all, timeout); });
            CHECK((device.recv(all.size(), timeout) == byte_view(all)));
            sending.get();
            sending = std::async(std::launch::async, [&] { device.send(all, timeout); });
            CHECK((port.recv(all.size(), timeout) == byte_view(all)));
            sending.get();

            port.apply(serial_settings().baud(12'345).xon_xoff(true), timeout);
            CHECK(it.port.settings().baud() == 12'345);
            CHECK((it.pty.settings().c_iflag & IXON) != 0u);
            run(port.async_apply(serial_settings(), timeout));
            CHECK(it.pty.speed() == B9600);
            port.purge(serial_queue::both, timeout);
            run(port.async_purge(serial_queue::input, timeout));

            port.send("last words", timeout);
            port.close();
            CHECK(device.recv(10, timeout) == byte_view("last words"));
            CHECK_FALSE(it.next_end());
        }
    }
}

TEST_CASE("serial_server: what the port cannot do is answered with the state as it is")
{
    exported it;
    serial_port port(it.where(), timeout);
    for (const bool blocks : {true, false}) {
        const auto refused = [&](auto blocking, auto async) {
            try {
                if (blocks)
                    blocking();
                else
                    run(async());
                FAIL_CHECK("was accepted");
            } catch (const rejected_error& e) {
                return std::pair(e.asked(), e.got());
            }
            return std::pair<std::uint64_t, std::uint64_t>();
        };
        // A pty has no RTS.
        CHECK(refused([&] { port.set_rts(false, timeout); }, [&] { return port.async_set_rts(false, timeout); }) ==
              std::pair<std::uint64_t, std::uint64_t>(12, 11));
        CHECK(refused([&] { port.set_dtr(false, timeout); }, [&] { return port.async_set_dtr(false, timeout); }) ==
              std::pair<std::uint64_t, std::uint64_t>(9, 8));
        CHECK(refused([&] { port.set_break(true, timeout); }, [&] { return port.async_set_break(true, timeout); }) ==
              std::pair<std::uint64_t, std::uint64_t>(5, 6)); // nor a break
        const serial_settings s = serial_settings().baud(300).stop_bits(stop_bits::one_and_half);
        CHECK(refused([&] { port.apply(s, timeout); }, [&] { return port.async_apply(s, timeout); }) ==
              std::pair<std::uint64_t, std::uint64_t>(3, 1));
        (void)port.modem(timeout); // behind what the refusal takes back
        CHECK(port.settings() == serial_settings());
        port.apply(serial_settings(), timeout);
        CHECK(it.pty.speed() == B9600);
    }
    CHECK(port.modem(timeout) == modem_lines());
}

TEST_CASE("serial_server: queries, signatures and masks are answered, byte by byte")
{
    exported it;
    duplex client = connect(it.tcp(), timeout);
    serial::telnet codec;
    codec.request(serial::telnet_option::com_port, true);
    std::string data;
    const auto exchange = [&](const serial::com_message& m) {
        codec.send_sub(serial::telnet_option::com_port, encode(m, 0));
        for (;;) {
            for (const char c : std::exchange(codec.output, {}))
                client.send(std::string(1, c), timeout);
            const bytes some = client.recv(timeout);
            for (byte_view left = some; !left.empty();) {
                const auto e = codec.receive(left, data);
                if (!e || e->kind != serial::telnet::event::what::sub_negotiation)
                    continue;
                const auto answer = serial::decode(e->text, serial::of_server);
                REQUIRE(answer);
                if (answer->code == m.code)
                    return *answer;
            }
        }
    };
    using serial::com_code;
    CHECK(exchange({com_code::signature}).text == "ferrule");
    CHECK(exchange({com_code::set_baud, 0}).value == 9600);
    CHECK(exchange({com_code::set_baud, 300}).value == 300);
    CHECK(exchange({com_code::set_data_size, 0}).value == 8);
    CHECK(exchange({com_code::set_data_size, 9}).value == 8);
    CHECK(exchange({com_code::set_parity, 9}).value == 1);
    CHECK(exchange({com_code::set_stop_size, 2}).value == 2);
    CHECK(exchange({com_code::set_stop_size, 7}).value == 2);
    const std::pair<std::uint32_t, std::uint32_t> controls[] = {
        {0, 1}, {2, 2}, {0, 2}, {13, 15}, {3, 3},   {13, 16}, {19, 3}, {1, 1},   {13, 14}, {4, 6},
        {5, 6}, {6, 6}, {7, 8}, {9, 8},   {10, 11}, {12, 11}, {17, 1}, {18, 14}, {200, 14}};
    for (const auto& [asked, expected] : controls) {
        CAPTURE(asked);
        CHECK(exchange({com_code::set_control, asked}).value == expected);
    }
    CHECK(exchange({com_code::set_line_state_mask, 255}).value == 255);
    CHECK(exchange({com_code::set_modem_state_mask, 0xf0}).value == 0xf0);
    CHECK(exchange({com_code::notify_line_state, 0}).value == 0);
    CHECK(exchange({com_code::notify_modem_state, 0}).value == 0);
    for (const std::uint32_t which : {1u, 2u, 3u, 0u, 9u})
        CHECK(exchange({com_code::purge, which}).value == which);
    CHECK(data.empty());
}

TEST_CASE("serial_server: another client is told that the port is in use, and may come when the first has gone")
{
    exported it(false, 2);
    serial_port first(it.where(), timeout);
    CHECK(code_of([&] { (void)serial_port(it.where(), timeout); }) == serial_errc::port_in_use);
    CHECK(it.next_end() == serial_errc::port_in_use);
    CHECK(code_of([&] { (void)run(async_open_serial_port(it.where(), timeout)); }) == serial_errc::port_in_use);
    CHECK(it.next_end() == serial_errc::port_in_use);
    first.apply(serial_settings().baud(300), timeout); // it is not disturbed
    first.close();
    CHECK_FALSE(it.next_end());
    serial_port second(it.where(), timeout);
    CHECK(it.pty.speed() == B9600);
}

TEST_CASE("serial_server: a port that vanishes, a timeout and a stop end the session, and the client sees it")
{
    listener here(address("tcp://127.0.0.1:0"));
    const std::string where = "rfc2217://127.0.0.1:" + here.address().service();
    const auto end_of_session = [&](auto until_end, auto meanwhile) {
        serial_pty pty;
        serial_port port(pty.path());
        auto serving = std::async(std::launch::async, [&] {
            return code_of([&] { serve_serial_port(here.accept(timeout), port, until_end()); });
        });
        serial_port client(where, timeout);
        auto reading = std::async(std::launch::async, [&] { return code_of([&] { (void)client.recv(timeout); }); });
        meanwhile(pty, port);
        const error_code ec = serving.get();
        CHECK(reading.get() == condition::broken);
        return ec;
    };
    std::stop_source stop;
    const auto never = [] { return until(); };
    CHECK(end_of_session(never, [](serial_pty& pty, serial_port&) {
              pty.close_slave();
              pty.pull_out();
          }) == boost::system::errc::io_error);
    CHECK(end_of_session([] { return until(200ms); }, [](serial_pty&, serial_port&) {}) == errc::timed_out);
    CHECK(end_of_session([&] { return until(stop.get_token()); },
                         [&](serial_pty&, serial_port&) { stop.request_stop(); }) == errc::cancelled);
    CHECK(end_of_session(never, [](serial_pty&, serial_port& port) { port.close(); }) == errc::closed);
}

TEST_CASE("serial_server: a client that says anything at all harms only itself")
{
    exported it;
    duplex device = it.pty.device();
    auto reading = std::async(std::launch::async, [&] {
        for (error_code ec; !ec;)
            (void)device.recv(until(), ec);
    });
    test::dice roll(11);
    for (int round = 0; round < 20; ++round) {
        duplex client = connect(it.tcp(), timeout);
        std::string noise;
        for (int i = 0; i < 5000; ++i)
            noise += static_cast<char>(roll.one_in(3) ? 255 : roll.one_in(3) ? 240 + roll(16) : roll(256));
        noise += "\xff\xfa\x2c" + std::string(100'000, 'x'); // without an end
        error_code ec;
        client.send(noise, timeout, ec);
        client.close();
        CHECK_FALSE(it.next_end());
    }
    it.port.apply({}, timeout);
    {
        const serial_port port(it.where(), timeout);
        CHECK(it.pty.speed() == B9600);
    }
    device.close();
}

TEST_CASE(
    "serial_server: a device that sends without end does not fill the memory of a server whose client reads nothing")
{
    exported it;
    serial_port client(it.where(), timeout);
    duplex device = it.pty.device();
    error_code ec;
    std::size_t sent = 0;
    while (!ec) // until all queues are full
        sent += device.send(std::string(4096, 'd'), 200ms, ec);
    CHECK(ec == errc::timed_out);
    CHECK(sent < 20'000'000);
    client.purge(serial_queue::output, timeout); // requests go through nevertheless
}

TEST_CASE("serial_server: a client that another thread closes ends its session, and its server can be destroyed")
{
    serial_pty pty;
    serial_port port(pty.path());
    std::promise<duplex> served;
    std::promise<error_code> ended;
    server<> here(
        "tcp://127.0.0.1:0",
        [&](duplex client) {
            served.set_value(client);
            ended.set_value(code_of([&] { serve_serial_port(std::move(client), port); }));
        },
        server_options().threads(1));
    const serial_port client("rfc2217://127.0.0.1:" + here.address().service(), timeout);
    served.get_future().get().close();
    CHECK(ended.get_future().get() == errc::closed);
}

TEST_CASE("serial_server: a client that asks without agreeing first is told of the modem lines, as pyserial has to be")
{
    const exported e;
    duplex client = connect(e.tcp(), timeout);
    client.send("\xff\xfa\x2c\x01\0\0\0\0\xff\xf0"s, timeout);       // which speed?
    (void)client.recv_until("\xff\xfa\x2c\x6b\0\xff\xf0"s, timeout); // no modem line is on
}
