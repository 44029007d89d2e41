#include "support/posix/serial_pty.hpp"
#include "support/test.hpp"

#include "platform/serial/line.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/serial_port.hpp>

#include <sys/ioctl.h>

namespace {

std::string text_of_refusal(const std::function<void()>& f, error_code expected)
{
    try {
        f();
    } catch (const error& e) {
        CHECK(e.code() == expected);
        return e.what();
    }
    FAIL_CHECK("not refused");
    return {};
}

error_code system_error(int number)
{
    return {number, boost::system::system_category()};
}

} // namespace

TEST_CASE("serial_port: bytes and messages pass, by threads and by coroutines, through every way to open one")
{
    const auto exchange = [](duplex port, duplex device) {
        port.send("to the device\n", timeout);
        CHECK(device.recv_line(timeout) == byte_view("to the device"));
        device.send("and back\n", timeout);
        CHECK(run(port.async_recv_line(timeout)) == byte_view("and back"));
        const std::string all("\x00\x11\x13\x1a\x03\xff\r\n", 8); // all of it is data in raw mode
        run(port.async_send(all, timeout));
        CHECK(device.recv(8, timeout) == byte_view(all));
        device.send("\x11\x13\xff\x04\n", timeout);
        CHECK(port.recv(5, timeout) == byte_view("\x11\x13\xff\x04\n"));
    };
    {
        serial_pty pty;
        exchange(serial_port(pty.path()), pty.device());
    }
    {
        serial_pty pty;
        exchange(serial_port("serial:" + pty.path() + "?baud=115200"), pty.device());
    }
    {
        serial_pty pty;
        exchange(serial_port(address::serial(pty.path()), timeout), pty.device());
    }
    {
        serial_pty pty;
        exchange(run(async_open_serial_port(address::serial(pty.path()), timeout)), pty.device());
    }
    {
        serial_pty pty;
        exchange(connect(address::serial(pty.path()), timeout), pty.device());
    }
    serial_pty pty;
    auto lines_at = run(async_connect(address::serial(pty.path()), lines(), timeout));
    duplex device = pty.device();
    device.send("a line\nand ano", timeout);
    CHECK(lines_at.recv(timeout) == byte_view("a line"));
    error_code ec;
    (void)lines_at.recv(0s, ec);
    CHECK(ec == errc::timed_out);
    device.send("ther\n", timeout);
    CHECK(run(lines_at.async_recv(timeout)) == byte_view("and another"));
}

TEST_CASE("serial_port: the settings reach the system, at opening and later, and are saved and restored")
{
    serial_pty pty;
    serial_port port(pty.path() + "?baud=115200&xonxoff=on&stop=2&hang_up=off");
    termios t = pty.settings();
    CHECK(::cfgetospeed(&t) == B115200);
    CHECK(::cfgetispeed(&t) == B115200);
    CHECK((t.c_iflag & (IXON | IXOFF)) == (IXON | IXOFF));
    CHECK((t.c_iflag & (ICRNL | INLCR | IGNCR | ISTRIP | BRKINT | PARMRK)) == 0u);
    CHECK((t.c_cflag & CSTOPB) != 0u);
    CHECK((t.c_cflag & HUPCL) == 0u);
    CHECK((t.c_cflag & (CREAD | CLOCAL)) == (CREAD | CLOCAL));
    CHECK((t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) == 0u);
    CHECK((t.c_oflag & OPOST) == 0u);
    CHECK(t.c_cc[VMIN] == 1);
    CHECK(t.c_cc[VTIME] == 0);
    const serial_settings saved = port.settings();
    CHECK(saved == serial_settings().baud(115200).xon_xoff(true).stop_bits(stop_bits::two).hang_up(false));

    port.apply(serial_settings().rts_cts(true), timeout);
    t = pty.settings();
    CHECK(::cfgetospeed(&t) == B9600);
    CHECK((t.c_iflag & (IXON | IXOFF)) == 0u);
    CHECK((t.c_cflag & (CSTOPB | CRTSCTS | HUPCL)) == (CRTSCTS | HUPCL));
    run(port.async_apply(saved, timeout));
    t = pty.settings();
    CHECK(::cfgetospeed(&t) == B115200);
    CHECK((t.c_cflag & (CSTOPB | CRTSCTS | HUPCL)) == CSTOPB);
    CHECK(port.settings() == saved);

    // Settings beside an address take its place.
    const serial_port second("serial:" + pty.path() + "?baud=300", serial_settings().baud(4800));
    t = pty.settings();
    CHECK(::cfgetospeed(&t) == B4800);
}

TEST_CASE("serial_port: any speed is set as it is, the smallest and the largest, too")
{
    serial_pty pty;
    serial_port port(pty.path());
    for (const std::uint32_t baud : {1u, 50u, 12'345u, 250'000u, 921'600u, 4'000'000u, 4'294'967'295u}) {
        CAPTURE(baud);
        port.apply(serial_settings().baud(baud), timeout);
        struct { // termios2, which <termios.h> lacks
            unsigned flags[4];
            unsigned char discipline, characters[19];
            unsigned input, output;
        } t{};
        must(::ioctl(pty.slave(), _IOC(_IOC_READ, 'T', 0x2A, sizeof t), &t));
        CHECK(t.input == baud);
        CHECK(t.output == baud);
    }
}

TEST_CASE("serial_port: settings that a port cannot have are refused, and change nothing")
{
    serial_pty pty;
    const auto open_with = [&](const serial_settings& s) { return [&pty, s] { (void)serial_port(pty.path(), s); }; };
    for (const serial_settings& s :
         {serial_settings().stop_bits(stop_bits::one_and_half), serial_settings().dsr_dtr(true),
          serial_settings().low_latency(true), serial_settings().rs485(rs485_options())}) {
        CAPTURE(s.to_string());
        CHECK(text_of_refusal(open_with(s), errc::unsupported).find(pty.path()) != std::string::npos);
    }
    serial_port port(pty.path(), serial_settings().baud(57'600));
    const termios before = pty.settings();
    for (const serial_settings& s :
         {serial_settings().stop_bits(stop_bits::one_and_half), serial_settings().low_latency(true),
          serial_settings().rs485(rs485_options()), serial_settings().baud(300).rts(false)}) {
        CAPTURE(s.to_string());
        error_code ec;
        port.apply(s, timeout, ec);
        CHECK(ec == errc::unsupported);
        CHECK(code_of([&] { run(port.async_apply(s, timeout)); }) == errc::unsupported);
        const termios after = pty.settings();
        CHECK(std::memcmp(&before, &after, sizeof before) == 0);
        CHECK(port.settings() == serial_settings().baud(57'600));
    }
}

TEST_CASE("serial_port: what a pty has no hardware for is unsupported, in each form of each call")
{
    serial_pty pty;
    serial_port port(pty.path());
    const auto check = [](const char* name, auto blocking, auto with_code, auto async) {
        CAPTURE(name);
        CHECK(code_of(blocking) == errc::unsupported);
        error_code ec;
        with_code(ec);
        CHECK(ec == errc::unsupported);
        CHECK(code_of([&] { run(async()); }) == errc::unsupported);
    };
    for (const bool on : {false, true}) {
        check(
            "RTS", [&] { port.set_rts(on); }, [&](error_code& ec) { port.set_rts(on, timeout, ec); },
            [&] { return port.async_set_rts(on); });
        check(
            "DTR", [&] { port.set_dtr(on); }, [&](error_code& ec) { port.set_dtr(on, timeout, ec); },
            [&] { return port.async_set_dtr(on); });
    }
    check(
        "modem", [&] { (void)port.modem(); }, [&](error_code& ec) { (void)port.modem(timeout, ec); },
        [&] { return port.async_modem(); });
    check(
        "modem change", [&] { (void)port.modem_change({}); },
        [&](error_code& ec) { (void)port.modem_change({}, timeout, ec); }, [&] { return port.async_modem_change({}); });
    check(
        "errors", [&] { (void)port.errors(); }, [&](error_code& ec) { (void)port.errors(timeout, ec); },
        [&] { return port.async_errors(); });
    check(
        "errors change", [&] { (void)port.errors_change({}); },
        [&](error_code& ec) { (void)port.errors_change({}, timeout, ec); },
        [&] { return port.async_errors_change({}); });
    check(
        "break", [&] { port.set_break(true); }, [&](error_code& ec) { port.set_break(true, timeout, ec); },
        [&] { return port.async_set_break(true); });
    check(
        "timed break", [&] { port.send_break(1ms); }, [&](error_code& ec) { port.send_break(1ms, timeout, ec); },
        [&] { return port.async_send_break(1ms); });
    CHECK(port.settings().rts());
    CHECK(port.settings().dtr());
}

TEST_CASE("serial_port: input is counted and purged, with what was read ahead")
{
    serial_pty pty;
    serial_port port(pty.path());
    duplex device = pty.device();
    CHECK(port.queued_input() == 0);
    device.send("one\ntwo\nthree", timeout);
    CHECK(port.recv_line(timeout) == byte_view("one")); // the rest may be read ahead
    const auto until_counted = [&](std::size_t n) {
        while (port.queued_input(timeout) < n)
            std::this_thread::yield();
        CHECK(port.queued_input(timeout) == n);
        CHECK(run(port.async_queued_input(timeout)) == n);
    };
    until_counted(9);
    port.purge(serial_queue::output, timeout);
    until_counted(9);
    port.purge(serial_queue::input, timeout);
    CHECK(port.queued_input() == 0);
    device.send("stale", timeout);
    until_counted(5);
    run(port.async_purge(serial_queue::both, timeout));
    CHECK(port.queued_input() == 0);
    device.send("fresh\n", timeout);
    CHECK(port.recv_line(timeout) == byte_view("fresh"));
}

TEST_CASE("serial_port: output that was stopped waits, drains when it goes on, and can be purged")
{
    serial_pty pty;
    serial_port port(pty.path());
    duplex device = pty.device();
    port.drain(timeout); // nothing is there to wait for
    port.set_output_flow(false, timeout);
    error_code ec;
    port.send("held", 0s, ec);
    CHECK(ec == errc::timed_out);
    CHECK(port.queued_output() == 0);
    port.set_output_flow(true, timeout);
    port.send("sent", timeout);
    CHECK(device.recv(4, timeout) == byte_view("sent"));
    port.drain(timeout);
    run(port.async_drain(timeout));
    // What the device does not read fills the queue of the pty.
    while (port.send(std::string(256, 'x'), 0s, ec) != 0 && !ec) {
    }
    run(port.async_set_output_flow(false, timeout));
    run(port.async_set_output_flow(true, timeout));
    port.purge(serial_queue::output, timeout);
}

TEST_CASE("serial_port: XOFF and XON are sent when input is to stop and to go on")
{
    serial_pty pty;
    serial_port port(pty.path());
    duplex device = pty.device();
    port.set_input_flow(false, timeout);
    CHECK(device.recv(1, timeout) == byte_view("\x13"));
    run(port.async_set_input_flow(true, timeout));
    CHECK(device.recv(1, timeout) == byte_view("\x11"));
}

TEST_CASE("serial_port: a drain pushes the rest of an interrupted send, ends by its timeout, and by close")
{
    serial_pty pty;
    serial_port port(pty.path());
    duplex device = pty.device();
    const std::string much(100'000, 'm');
    error_code ec;
    const std::size_t sent = port.send(much, 0s, ec);
    CHECK(ec == errc::timed_out);
    CHECK(port.unsent() == much.size() - sent);
    CHECK(code_of([&] { port.drain(0s); }) == errc::timed_out);
    CHECK(code_of([&] { run(port.async_drain(20ms)); }) == errc::timed_out);
    std::stop_source stop;
    auto stopped = std::async(std::launch::async, [&] { return code_of([&] { port.drain(stop.get_token()); }); });
    stop.request_stop();
    CHECK(stopped.get() == errc::cancelled);
    auto draining = std::async(std::launch::async, [&] { port.drain(timeout); });
    CHECK((device.recv(much.size(), timeout) == byte_view(much)));
    draining.get();
    CHECK(port.unsent() == 0);

    (void)port.send(much, 0s, ec);
    auto closed = std::async(std::launch::async, [&] { return code_of([&] { port.drain(); }); });
    port.close();
    CHECK(closed.get() == errc::closed);
}

TEST_CASE("serial_port: a port that vanishes is an error at once, in every call, and never an end")
{
    const auto check = [](auto call) {
        serial_pty pty;
        serial_port port(pty.path());
        pty.close_slave();
        auto waiting = std::async(std::launch::async, [&] { return code_of([&] { call(port); }); });
        pty.pull_out();
        const error_code ec = waiting.get();
        CHECK(ec == system_error(EIO));
        CHECK(code_of([&] { call(port); }) == system_error(EIO)); // it stays so
        CHECK(code_of([&] { port.send("x", timeout); }) == system_error(EIO));
        CHECK(code_of([&] { port.apply(serial_settings().baud(300), timeout); }) == system_error(EIO));
    };
    check([](serial_port& p) { (void)p.recv(timeout); });
    check([](serial_port& p) { (void)p.recv_line(timeout); });
    check([](serial_port& p) { (void)p.recv_all(timeout); });
    check([](serial_port& p) { (void)p.next_line(timeout); });
    check([](serial_port& p) { (void)run(p.async_recv(timeout)); });
}

TEST_CASE("serial_port: an exclusive port is busy for others until it is closed, and one that is shared for those that "
          "want it alone")
{
    serial_pty pty;
    const error_code busy = system_error(EBUSY);
    {
        const serial_port alone(pty.path() + "?exclusive=on");
        const std::string why = text_of_refusal([&] { (void)serial_port(pty.path()); }, busy);
        CHECK(why.find(pty.path()) != std::string::npos);
        CHECK(code_of([&] { (void)serial_port(pty.path() + "?exclusive=on"); }) == busy);
        CHECK(code_of([&] { (void)connect(address::serial(pty.path()), timeout); }) == busy);
        error_code ec;
        (void)connect(address::serial(pty.path()), {}, timeout, ec);
        CHECK(ec == busy);
    }
    serial_port first(pty.path());
    serial_port second(pty.path());
    CHECK(code_of([&] { first.apply(serial_settings().exclusive(true), timeout); }) == busy);
    CHECK_FALSE(first.settings().exclusive());
    second.close();
    first.apply(serial_settings().exclusive(true), timeout);
    CHECK(code_of([&] { (void)serial_port(pty.path()); }) == busy);
    first.apply(serial_settings(), timeout);
    (void)serial_port(pty.path());
}

TEST_CASE("serial_port: what is no port is refused, and the text names it")
{
    CHECK(text_of_refusal([] { (void)serial_port("/dev/null"); }, system_error(ENOTTY)).find("/dev/null") !=
          std::string::npos);
    CHECK(text_of_refusal([] { (void)serial_port("/dev/is-not-there"); }, system_error(ENOENT))
              .find("/dev/is-not-there") != std::string::npos);
    CHECK(code_of([] { (void)serial_port("/"); }) == system_error(EISDIR));
    CHECK(code_of([] { (void)run(async_open_serial_port("serial:/dev/null", timeout)); }) == system_error(ENOTTY));
    CHECK(code_of([] { (void)serial_port("unix:/run/x"); }) == errc::unsupported);
    CHECK(code_of([] { (void)serial_port(""); }) == errc::invalid_argument);
    CHECK(code_of([] { (void)serial_port("/dev/null?speed=1"); }) == errc::invalid_argument);
    const auto ends = socketpair();
    CHECK(code_of([&] { (void)serial_port(ends.first); }) == errc::bad_descriptor);
    CHECK(code_of([] { (void)serial_port(duplex()); }) == errc::bad_descriptor);
}

TEST_CASE("serial_port: after close, and without a port, every call says closed")
{
    serial_pty pty;
    serial_port port(pty.path());
    serial_port copy = port;
    port.close();
    for (serial_port p : {port, copy, serial_port()}) {
        CHECK(code_of([&] { (void)p.recv(timeout); }) == errc::closed);
        CHECK(code_of([&] { p.apply({}, timeout); }) == errc::closed);
        CHECK(code_of([&] { p.drain(timeout); }) == errc::closed);
        CHECK(code_of([&] { (void)p.queued_input(timeout); }) == errc::closed);
        CHECK(code_of([&] { run(p.async_set_break(true, timeout)); }) == errc::closed);
    }
}

TEST_CASE("serial_port: the handle is close-on-exec, and its description is nobody else's")
{
    serial_pty pty;
    serial_port port(pty.path());
    CHECK(closes_on_exec(port.native_handle()));
    CHECK_FALSE(port.inheritable());
    CHECK((::fcntl(pty.slave(), F_GETFL) & O_NONBLOCK) == 0);
    const auto [fd, rest] = port.release(timeout);
    CHECK(is_open(fd));
    const unique_fd owned(fd);
    CHECK(code_of([&] { port.drain(timeout); }) == errc::closed);
    (void)serial_port(pty.path() + "?exclusive=on"); // it is locked no more
}

TEST_CASE("serial_port: the port of connect is one, and shares everything")
{
    serial_pty pty;
    duplex bytes_at = connect(address::serial(pty.path(), serial_settings().baud(1200)), timeout);
    serial_port port(bytes_at);
    CHECK(port.settings().baud() == 1200);
    port.apply(serial_settings().baud(2400), timeout);
    CHECK(serial_port(bytes_at).settings().baud() == 2400);
    port.close();
    CHECK_FALSE(bytes_at.is_open());
    CHECK(code_of([&] { (void)connect(address::serial(pty.path()), connect_options().same_user(), timeout); }) ==
          errc::unsupported);
}
