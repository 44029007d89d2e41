// Ports of Windows: COM5 and COM6, which are joined. See wine.sh, and com0com for Windows itself.
#include "support/skip.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/varint.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/net/serial_port.hpp>
#include <ferrule/net/serial_server.hpp>

#include <windows.h>

using namespace std::string_literals;

namespace {

/// The two ends of the line, which one test at a time has.
class joined_ports {
public:
    joined_ports() : mutex_(::CreateMutexW(nullptr, FALSE, L"ferrule COM5"))
    {
        ::WaitForSingleObject(mutex_, INFINITE);
        try {
            ends = {serial_port("COM5"), serial_port("serial:COM6")};
        } catch (const error& e) {
            if (e.code().value() == ERROR_FILE_NOT_FOUND)
                skip("COM5 and COM6 are missing");
            throw;
        }
        // What an earlier test has left on its way. A line that has come is the last of that.
        for (const std::size_t i : {0u, 1u}) {
            ends[i].send("\nnew\n", timeout);
            while (ends[1 - i].recv_line(timeout) != byte_view("new"))
                ;
        }
    }
    ~joined_ports()
    {
        for (serial_port& p : ends)
            p.close(0s);
        ::ReleaseMutex(mutex_);
        ::CloseHandle(mutex_);
    }

    joined_ports(const joined_ports&) = delete;
    joined_ports& operator=(const joined_ports&) = delete;

    std::array<serial_port, 2> ends;

private:
    HANDLE mutex_;
};

} // namespace

TEST_CASE("serial_port: bytes and messages pass both ways, by threads and by coroutines")
{
    joined_ports line;
    auto& [port, device] = line.ends;
    port.send("to the device\n", timeout);
    CHECK(device.recv_line(timeout) == byte_view("to the device"));
    device.send("and back\n", timeout);
    CHECK(run(port.async_recv_line(timeout)) == byte_view("and back"));
    const std::string all("\x00\x11\x13\x1a\x03\xff\r\n", 8); // all of it is data
    run(port.async_send(all, timeout));
    CHECK(device.recv(8, timeout) == byte_view(all));

    const std::string much(100'000, 'm');
    auto there = std::async(std::launch::async, [&] { message_writer<varint>(port).send(much, timeout); });
    auto back = std::async(std::launch::async, [&] { run(message_writer<varint>(device).async_send(much, timeout)); });
    auto received = std::async(std::launch::async, [&] { return message_reader<varint>(port).recv(timeout); });
    CHECK((run(message_reader<varint>(device).async_recv(timeout)) == byte_view(much)));
    CHECK((received.get() == byte_view(much)));
    there.get();
    back.get();
}

TEST_CASE("serial_port: a receive that ends early loses nothing, and one that waits gets what comes")
{
    joined_ports line;
    auto& [port, device] = line.ends;
    CHECK(code_of([&] { (void)port.recv(3, 0s); }) == errc::timed_out);
    CHECK(code_of([&] { (void)port.recv(3, 20ms); }) == errc::timed_out);
    CHECK(code_of([&] { run(port.async_recv(3, 20ms)); }) == errc::timed_out);
    device.send("ab", timeout);
    CHECK(code_of([&] { (void)port.recv(3, 300ms); }) == errc::timed_out);
    auto thread = std::async(std::launch::async, [&] { return port.recv(3, timeout); }); // which ends
    device.send("c", timeout);
    CHECK(thread.get() == byte_view("abc"));
    for (const char c : {'1', '2', '3'}) {
        auto waiting = std::async(std::launch::async, [&] { return run(port.async_recv(1, timeout)); });
        device.send(std::string(1, c), timeout);
        CHECK(waiting.get() == byte_view(std::string(1, c)));
    }
    CHECK(code_of([&] { (void)port.recv(20ms); }) == errc::timed_out); // with a wait left under way
    device.send("xyz", timeout);
    CHECK(port.recv(3, timeout) == byte_view("xyz"));
}

TEST_CASE("serial_port: settings are taken over as a set, and those that Windows refuses change nothing")
{
    joined_ports line;
    serial_port& port = line.ends[0];
    const serial_settings usual = port.settings();
    const serial_settings other = serial_settings().baud(115200).stop_bits(stop_bits::two).xon_xoff(true);
    port.apply(other, timeout);
    CHECK(port.settings() == other);
    DCB d{};
    d.DCBlength = sizeof d;
    REQUIRE(::GetCommState(port.native_handle(), &d) != 0);
    CHECK(d.BaudRate == 115200);
    CHECK(d.StopBits == TWOSTOPBITS);
    CHECK(d.fOutX != 0);
    CHECK(d.fInX != 0);
    for (const serial_settings& never : {serial_settings().low_latency(true), serial_settings().hang_up(false),
                                         serial_settings().rs485(rs485_options())})
        CHECK(code_of([&] { port.apply(never, timeout); }) == errc::unsupported);
    try {
        port.apply(serial_settings().baud(12'345), timeout); // Wine knows only speeds with a name
    } catch (const rejected_error& e) {
        CHECK(e.asked() == 12'345);
        CHECK(e.got() != 12'345);
        CHECK(port.settings() == other);
        REQUIRE(::GetCommState(port.native_handle(), &d) != 0);
        CHECK(d.BaudRate == 115200);
    }
    run(port.async_apply(usual, timeout));
    CHECK(port.settings() == usual);
}

TEST_CASE("serial_port: input is counted and purged, with what was read ahead and what a wait has taken")
{
    joined_ports line;
    auto& [port, device] = line.ends;
    const auto until_counted = [&](std::size_t n) {
        while (port.queued_input(timeout) < n)
            std::this_thread::yield();
        CHECK(port.queued_input(timeout) == n);
        CHECK(run(port.async_queued_input(timeout)) == n);
    };
    CHECK(port.queued_input(timeout) == 0);
    CHECK(code_of([&] { (void)port.recv(10ms); }) == errc::timed_out);
    device.send("one\ntwo\nthree", timeout);
    CHECK(port.recv_line(timeout) == byte_view("one"));
    until_counted(9);
    port.purge(serial_queue::input, timeout);
    CHECK(port.queued_input(timeout) == 0);
    CHECK(code_of([&] { (void)port.recv(10ms); }) == errc::timed_out);
    device.send("stale", timeout);
    until_counted(5);
    run(port.async_purge(serial_queue::both, timeout));
    CHECK(port.queued_input(timeout) == 0);
    device.send("fresh\n", timeout);
    CHECK(port.recv_line(timeout) == byte_view("fresh"));
}

TEST_CASE("serial_port: what is sent drains, is counted, and can be purged")
{
    joined_ports line;
    auto& [port, device] = line.ends;
    port.drain(timeout);
    port.send("sent", timeout);
    run(port.async_drain(timeout));
    CHECK(port.queued_output(timeout) == 0);
    CHECK(device.recv(4, timeout) == byte_view("sent"));
    // What the device does not read fills the line.
    const std::string block(4096, 'x');
    std::size_t accepted = 0;
    for (error_code ec; !ec;) {
        const std::size_t n = port.send(block, 100ms, ec);
        accepted += ec && n == 0 ? 0 : block.size();
    }
    CHECK(code_of([&] { port.drain(20ms); }) == errc::timed_out);
    CHECK(port.queued_output(timeout) != 0);
    auto draining = std::async(std::launch::async, [&] { return code_of([&] { port.drain(); }); });
    const std::size_t unsent = port.close(0s);
    CHECK(draining.get() == errc::closed);
    const std::size_t received = device.recv_until_silence(300ms, timeout).size();
    CHECK(received + unsent >= accepted);
    CHECK(unsent <= 2 * block.size());
}

TEST_CASE("serial_port: a port without modem lines says so, and counts errors")
{
    joined_ports line;
    serial_port& port = line.ends[0];
    for (const error_code& ec : {code_of([&] { (void)port.modem(timeout); }), // a pty behind Wine has none
                                 code_of([&] { run(port.async_set_rts(false, timeout)); })})
        CHECK((!ec || ec == errc::unsupported));
    CHECK(port.errors(timeout) == line_errors());
    CHECK(code_of([&] { (void)port.errors_change({}, 20ms); }) == errc::timed_out);
}

TEST_CASE("serial_port: a port of Windows is exported to a client of RFC 2217")
{
    joined_ports line;
    auto& [port, device] = line.ends;
    listener<> here(address("tcp://127.0.0.1:0"));
    auto serving = std::async(std::launch::async, [&] { serve_serial_port(here.accept(timeout), port, timeout); });
    {
        serial_port client("rfc2217://127.0.0.1:" + here.address().service() + "?baud=19200&stop=2", timeout);
        CHECK(port.settings().baud() == 19200);
        CHECK(port.settings().stop_bits() == stop_bits::two);
        client.send("to the device\n", timeout);
        CHECK(device.recv_line(timeout) == byte_view("to the device"));
        device.send("and back\n", timeout);
        CHECK(run(client.async_recv_line(timeout)) == byte_view("and back"));
        client.purge(serial_queue::both, timeout);
    }
    serving.get();
}

TEST_CASE("serial_port: what is no port is refused, and the text names it")
{
    for (const char* name : {"COM254", R"(\\.\pipe\no such pipe)", "NUL"}) {
        CAPTURE(name);
        try {
            (void)serial_port(address::serial(name));
            FAIL_CHECK("opened");
        } catch (const error& e) {
            CHECK_THAT(e.what(), Catch::Contains(name));
        }
    }
}

TEST_CASE("serial_port: close wakes who waits for a port of Windows")
{
    joined_ports line;
    serial_port& port = line.ends[0];
    auto receiving = std::async(std::launch::async, [&] { return code_of([&] { (void)port.recv(); }); });
    auto coroutine =
        std::async(std::launch::async, [&] { return code_of([&] { run(port.async_errors_change({})); }); });
    port.close();
    CHECK(receiving.get() == errc::closed);
    CHECK(coroutine.get() == errc::closed);
    CHECK(code_of([&] { (void)port.queued_input(); }) == errc::closed);
}
