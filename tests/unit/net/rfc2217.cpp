// The client of RFC 2217, with a server that does what each test says.
#include "platform/serial/rfc2217.hpp"
#include "support/rfc2217_server.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/peer.hpp>

using namespace std::string_literals;

namespace {

template <class F>
auto in_thread(F f)
{
    return std::async(std::launch::async, std::move(f));
}

/// The code of the exception that a thread's work has thrown.
template <class T>
error_code code_from(std::future<T>& f)
{
    return code_of([&] { (void)f.get(); });
}

com_message control(com_control c)
{
    return {com_code::set_control, static_cast<std::uint32_t>(c)};
}

void expect(const com_message& m, com_code code, std::uint32_t value)
{
    CHECK(static_cast<int>(m.code) == static_cast<int>(code));
    CHECK(m.value == value);
}

// A connection that breaks at the first send. What the peer had sent is found only then.
class broken_late {
public:
    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (!broken_)
            return io_result::would_block();
        const std::size_t n = std::min(in.size(), left_.size());
        std::copy_n(left_.data(), n, in.data());
        left_ = left_.subspan(n);
        return n == 0 ? io_result::end() : io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view>) noexcept
    {
        broken_ = true;
        return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
    }
    [[nodiscard]] readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

private:
    byte_view left_ = "last words";
    bool broken_ = false;
};

} // namespace

TEST_CASE("rfc2217: a port is opened with all its settings, by threads and by coroutines, and carries every byte")
{
    scripted_server server;
    const std::string options = "baud=115200&bits=7&parity=E&stop=2&rtscts=on&dtr=off";
    for (int way = 0; way < 4; ++way) {
        CAPTURE(way);
        auto opening = in_thread([&]() -> duplex {
            switch (way) {
            case 0: return serial_port(server.where(options), timeout);
            case 1: return run(async_open_serial_port(server.where(options), timeout));
            case 2: return connect(server.where(options), timeout);
            default: return run(async_connect(server.where(options), timeout));
            }
        });
        server.accept();
        expect(server.next(), com_code::set_line_state_mask, 0x1e);
        expect(server.next(), com_code::set_modem_state_mask, 0xff);
        const com_message settings[] = {{com_code::set_baud, 115'200},
                                        {com_code::set_data_size, 7},
                                        {com_code::set_parity, 3},
                                        {com_code::set_stop_size, 2},
                                        control(com_control::rts_cts)};
        for (const com_message& m : settings)
            expect(server.next(), m.code, m.value);
        expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::dtr_off));
        expect(server.next(), com_code::purge, 3);
        server.send("a banner\r\n");                          // which is no data
        for (std::size_t i = std::size(settings); i > 0; --i) // in any order
            server.answer(settings[i - 1]);
        duplex port = opening.get();
        CHECK(serial_port(port).settings() == serial_settings::parse(options));
        CHECK(peer_name(port).service() == address(server.where()).service());

        std::string all;
        for (int i = 0; i < 1000; ++i)
            all += "\r\n\0\xff\r"s + static_cast<char>(i);
        port.send(all, timeout);
        CHECK((server.data(all.size()) == all));
        server.send(all);
        CHECK((port.recv(all.size(), timeout) == byte_view(all)));
        message_duplex<lines> in_lines(port);
        server.send("line\n");
        CHECK(run(in_lines.async_recv(timeout)) == byte_view("line"));
    }
}

TEST_CASE("rfc2217: where binary transmission is refused, carriage returns get through nevertheless")
{
    scripted_server server;
    auto opening = in_thread([&] { return serial_port(server.where(), timeout); });
    server.accept(false);
    server.answer_settings();
    server.skip_to_purge();
    serial_port port = opening.get();
    const std::string all = "a\r\nb\rc\r\r\n\xff\r";
    port.send(all, timeout);
    CHECK(server.data(all.size()) == all);
    server.send_raw("a\r\0\r\n\xff\xff\r\0b"s);
    CHECK(port.recv(6, timeout) == byte_view("a\r\r\n\xff\r"));
}

TEST_CASE("rfc2217: a value that the server refuses is an error at once, and the rest of the settings goes back")
{
    scripted_server server;
    serial_port port = server.open();
    const serial_settings before = port.settings();
    for (const bool blocks : {true, false}) {
        auto applying = in_thread([&] {
            const serial_settings wanted = serial_settings().baud(31'250).parity(parity::odd);
            if (blocks)
                port.apply(wanted, timeout);
            else
                run(port.async_apply(wanted, timeout));
        });
        expect(server.next(), com_code::set_baud, 31'250);
        server.answer({com_code::set_baud, 9600});
        for (int i = 0; i < 4; ++i)
            server.answer(server.next());
        expect(server.next(), com_code::set_baud, 0); // does it mean that?
        server.answer({com_code::set_baud, 9600});
        try {
            applying.get();
            FAIL_CHECK("was accepted");
        } catch (const rejected_error& e) {
            CHECK(e.code() == serial_errc::rejected);
            CHECK(e.asked() == 31'250);
            CHECK(e.got() == 9600);
            CHECK(std::string(e.what()).find("baud 31250 was asked for, and is 9600") != std::string::npos);
        }
        expect(server.next(), com_code::set_baud, 9600);
        expect(server.next(), com_code::set_data_size, 8);
        expect(server.next(), com_code::set_parity, 1);
        expect(server.next(), com_code::set_stop_size, 1);
        expect(server.next(), com_code::set_control, 1);
        CHECK(port.settings() == before);
    }
    // The answers to these concern nobody.
    server.answer({com_code::set_baud, 9600});
    server.send("data");
    CHECK(port.recv(4, timeout) == byte_view("data"));

    auto opening = in_thread([&] { return serial_port(server.where("baud=31250"), timeout); });
    server.accept();
    while (server.next().code != com_code::set_baud) {
    }
    server.answer({com_code::set_baud, 1});
    server.answer({com_code::set_baud, 1});
    CHECK_THROWS_AS(opening.get(), rejected_error);
}

TEST_CASE("rfc2217: what another client of a shared port changes is taken for no answer")
{
    scripted_server server;
    serial_port port = server.open();
    server.answer({com_code::set_baud, 300}); // while nobody asks
    server.answer({com_code::set_parity, 5});
    auto applying = in_thread([&] { port.apply(serial_settings().baud(115'200), timeout); });
    expect(server.next(), com_code::set_baud, 115'200);
    server.answer({com_code::set_baud, 2400}); // the other client's, which came first
    server.answer({com_code::set_baud, 4800});
    server.answer({com_code::set_baud, 115'200});
    for (int i = 0; i < 4; ++i)
        server.answer(server.next());
    applying.get();
    CHECK(port.settings().baud() == 115'200);
    for (int queries = 0; queries < 2; ++queries) { // are answered late
        expect(server.next(), com_code::set_baud, 0);
        server.answer({com_code::set_baud, 115'200});
    }
    server.send("data");
    CHECK(port.recv(4, timeout) == byte_view("data"));
}

TEST_CASE("rfc2217: several requests at the same time get their own answers, in any order")
{
    scripted_server server;
    serial_port port = server.open();
    auto rts = in_thread([&] { port.set_rts(false, timeout); });
    expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::rts_off));
    auto dtr = in_thread([&] { run(port.async_set_dtr(false, timeout)); });
    expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::dtr_off));
    auto purge = in_thread([&] { port.purge(serial_queue::output, timeout); });
    expect(server.next(), com_code::purge, 2);
    auto line_break = in_thread([&] { port.set_break(true, timeout); });
    expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::break_on));
    server.answer_control(com_control::break_on);
    line_break.get();
    server.answer({com_code::purge, 2});
    purge.get();
    server.answer_control(com_control::dtr_off);
    dtr.get();
    CHECK_FALSE(port.settings().dtr());
    CHECK(port.settings().rts());
    server.answer_control(com_control::rts_off);
    rts.get();
    CHECK_FALSE(port.settings().rts());
}

TEST_CASE("rfc2217: no answer is an error in time, or none, as the options say")
{
    scripted_server server;
    {
        serial_port port = server.open("request_timeout=50");
        CHECK(code_of([&] { port.set_rts(false); }) == serial_errc::no_answer);
        CHECK(code_of([&] { run(port.async_set_dtr(false)); }) == serial_errc::no_answer);
        CHECK(code_of([&] { port.apply(serial_settings().baud(300)); }) == serial_errc::no_answer);
        CHECK(code_of([&] { (void)port.modem(); }) == serial_errc::no_answer);
        CHECK(code_of([&] { port.set_rts(false, 0s); }) == errc::timed_out); // the timeout of the call comes first
        port.purge(serial_queue::both);                                      // optional unless told otherwise
        CHECK(port.settings() == serial_settings());
    }
    {
        serial_port port = server.open("request_timeout=50&control_answers=optional&purge_answers=required");
        port.set_rts(false);
        CHECK_FALSE(port.settings().rts());
        CHECK(code_of([&] { port.purge(serial_queue::both); }) == serial_errc::no_answer);
    }
    serial_port port = server.open("request_timeout=60000&control_answers=ignored&purge_answers=ignored");
    port.set_rts(false);
    run(port.async_set_dtr(false));
    port.purge();
    port.set_break(true);
    port.send_break(1ms);
    CHECK(code_of([&] { port.apply(serial_settings().baud(300), 10ms); }) == errc::timed_out);
}

TEST_CASE("rfc2217: requests make progress while nobody reads, and the data is all there afterwards")
{
    scripted_server server;
    serial_port port = server.open();
    std::string much;
    for (int i = 0; i < 500'000; ++i)
        much += static_cast<char>(i * 7);
    for (const bool blocks : {true, false}) {
        auto rts = in_thread([&] {
            if (blocks)
                port.set_rts(false, timeout);
            else
                run(port.async_set_rts(false, timeout));
        });
        (void)server.next();
        server.send(much);
        server.answer_control(com_control::rts_off);
        rts.get();
        CHECK(port.queued_input(timeout) == much.size());
        CHECK((port.recv(much.size(), timeout) == byte_view(much)));
    }
}

TEST_CASE("rfc2217: what is kept for readers is bounded; then a request waits until somebody reads")
{
    scripted_server server;
    serial_port port = server.open("request_timeout=60000");
    const std::string much(8'000'000, 'm');
    auto sending = in_thread([&] {
        server.send(much);
        server.answer_control(com_control::rts_off);
    });
    CHECK(code_of([&] { port.set_rts(false, 200ms); }) == errc::timed_out);
    CHECK(port.queued_input(timeout) <= (1u << 20) + 4096);
    auto rts = in_thread([&] { port.set_rts(false, timeout); });
    CHECK((port.recv(much.size(), timeout) == byte_view(much)));
    sending.get();
    server.answer_control(com_control::rts_off);
    rts.get();
}

TEST_CASE("rfc2217: a reader waits while requests come and go, and gets what comes between")
{
    scripted_server server;
    serial_port port = server.open();
    for (const bool reader_blocks : {true, false}) {
        for (int round = 0; round < 50; ++round) {
            auto reading =
                in_thread([&] { return reader_blocks ? port.recv_line(timeout) : run(port.async_recv_line(timeout)); });
            auto dtr = in_thread([&] { port.set_dtr(round % 2 != 0, timeout); });
            const com_message asked = server.next();
            server.send("li");
            server.answer(asked);
            dtr.get();
            server.send("ne\n");
            CHECK(reading.get() == byte_view("line"));
        }
    }
}

TEST_CASE("rfc2217: a server that suspends this end gets neither data nor requests until it resumes")
{
    scripted_server server;
    serial_port port = server.open();
    server.answer({com_code::suspend});
    error_code ec;
    while (port.send("x", 1ms, ec) != 0) // until it has come
        CHECK(server.data(1) == "x");
    CHECK(ec == errc::timed_out);
    CHECK(code_of([&] { run(port.async_send("y"s, 1ms)); }) == errc::timed_out);
    auto sending = in_thread([&] { port.send("data", timeout); });
    auto rts = in_thread([&] { run(port.async_set_rts(false, timeout)); });
    server.peer().send("\xff\xf1", timeout); // NOP
    CHECK(code_of([&] { (void)server.peer().recv(50ms); }) == errc::timed_out);
    server.answer({com_code::resume});
    CHECK(server.data(4) == "data");
    sending.get();
    server.answer(server.next());
    rts.get();
}

TEST_CASE("rfc2217: modem lines are as the server has last told, and changes are waited for")
{
    scripted_server server;
    serial_port port = server.open();
    auto first = in_thread([&] { return port.modem(timeout); });
    server.answer({com_code::notify_modem_state, 0xb0});
    CHECK(first.get() == modem_lines(true, true, false, true));
    const modem_lines known = run(port.async_modem(timeout));
    auto change = in_thread([&] { return port.modem_change(known, timeout); });
    auto coroutine = in_thread([&] { return run(port.async_modem_change(known, timeout)); });
    server.answer({com_code::notify_modem_state, 0xb3}); // no line is another
    server.answer({com_code::notify_modem_state, 0x31});
    CHECK(change.get() == modem_lines(true, true, false, false));
    CHECK(coroutine.get() == modem_lines(true, true, false, false));
    CHECK(code_of([&] { (void)port.modem_change(port.modem(timeout), 1ms); }) == errc::timed_out);
}

TEST_CASE("rfc2217: errors of the line are counted once the server tells any, and unsupported before")
{
    scripted_server server;
    serial_port port = server.open();
    CHECK(code_of([&] { (void)port.errors(timeout); }) == errc::unsupported);
    server.answer({com_code::notify_line_state, 0});
    server.answer({com_code::notify_line_state, 0x1e});
    server.answer({com_code::notify_line_state, 0x04});
    server.send("x");
    CHECK(port.recv(1, timeout) == byte_view("x"));
    CHECK(port.errors(timeout) == line_errors(2, 1, 1, 1));
    CHECK(run(port.async_errors(timeout)) == line_errors(2, 1, 1, 1));
}

TEST_CASE("rfc2217: errors of the line are waited for, the first and those after known ones")
{
    scripted_server server;
    serial_port port = server.open();
    auto first = in_thread([&] { return port.errors_change({}, timeout); });
    auto coroutine = in_thread([&] { return run(port.async_errors_change({}, timeout)); });
    server.answer({com_code::notify_line_state, 0x01}); // data, and no error
    server.answer({com_code::notify_line_state, 0x08});
    CHECK(first.get() == line_errors(0, 1, 0, 0));
    const line_errors known = coroutine.get();
    CHECK(known == line_errors(0, 1, 0, 0));
    CHECK(code_of([&] { (void)port.errors_change(known, 1ms); }) == errc::timed_out);
    auto next = in_thread([&] { return port.errors_change(known, timeout); });
    server.answer({com_code::notify_line_state, 0x10});
    CHECK(next.get() == line_errors(0, 1, 0, 1));
    CHECK(port.errors_change(known, timeout) == line_errors(0, 1, 0, 1));
}

TEST_CASE("rfc2217: a purge drops what came before its answer")
{
    scripted_server server;
    serial_port port = server.open();
    server.send("line\nold");
    CHECK(port.recv_line(timeout) == byte_view("line")); // the rest may be read ahead
    for (const bool blocks : {true, false}) {
        auto purging = in_thread([&] {
            if (blocks)
                port.purge(serial_queue::input, timeout);
            else
                run(port.async_purge(serial_queue::input, timeout));
        });
        expect(server.next(), com_code::purge, 1);
        server.send("old as well");
        server.answer({com_code::purge, 1});
        server.send("new");
        purging.get();
        CHECK(port.recv(3, timeout) == byte_view("new"));
        server.send("old");
    }
}

TEST_CASE("rfc2217: a timed break ends after its time, and when it is given up")
{
    scripted_server server;
    serial_port port = server.open();
    for (const bool blocks : {true, false}) {
        auto breaking = in_thread([&] {
            if (blocks)
                port.send_break(20ms, timeout);
            else
                run(port.async_send_break(20ms, timeout));
        });
        expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::break_on));
        server.answer_control(com_control::break_on);
        expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::break_off));
        server.answer_control(com_control::break_on); // as ser2net
        breaking.get();
    }
    std::stop_source stop;
    auto given_up = in_thread([&] { return code_of([&] { port.send_break(60s, stop.get_token()); }); });
    expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::break_on));
    server.answer_control(com_control::break_on);
    stop.request_stop();
    CHECK(given_up.get() == errc::cancelled);
    expect(server.next(), com_code::set_control, static_cast<std::uint32_t>(com_control::break_off));
}

TEST_CASE("rfc2217: what the server says instead of agreeing is the error, and no data")
{
    scripted_server server;
    const auto refusal = [&](const std::string& greeting, const std::string& options = {}) {
        auto opening = in_thread([&, options] { return serial_port(server.where(options), timeout); });
        server.accept_without_a_word();
        server.send_raw(greeting);
        server.peer().shutdown_send(timeout); // without a reset, which would discard the text
        try {
            (void)opening.get();
        } catch (const error& e) {
            return std::pair(e.code(), std::string(e.what()));
        }
        return std::pair(error_code(), std::string("was opened"));
    };
    const std::string agrees = "\xff\xfd\x2c";
    const auto [in_use, text] = refusal(agrees + "Port already in use\r\n");
    CHECK(in_use == serial_errc::port_in_use);
    CHECK(in_use == boost::system::errc::device_or_resource_busy);
    CHECK(text.find("'Port already in use'") != std::string::npos);
    CHECK(refusal("Port already in use\r\n").first == serial_errc::port_in_use);
    CHECK(refusal(agrees + "Device open failure: no such device\r\n").first == serial_errc::device_failed);
    CHECK(refusal(agrees + "Go away\r\n").first == condition::broken);
    CHECK(refusal(agrees + "Go away\r\n").second.find("'Go away'") != std::string::npos);
    CHECK(refusal("\xff\xfe\x2c").first == serial_errc::no_rfc2217);
    CHECK(refusal("").first == condition::broken);
}

TEST_CASE("rfc2217: a peer that says nothing, or never answers, is given up in time")
{
    scripted_server server;
    {
        auto opening = in_thread([&] { return serial_port(server.where("request_timeout=50"), timeout); });
        server.accept_without_a_word();
        CHECK(code_from(opening) == serial_errc::no_rfc2217);
    }
    {
        auto opening = in_thread([&] { return serial_port(server.where("request_timeout=50"), timeout); });
        server.accept();
        CHECK(code_from(opening) == serial_errc::no_answer);
    }
    auto opening = in_thread([&] { return serial_port(server.where(), 50ms); });
    server.accept_without_a_word();
    CHECK(code_from(opening) == errc::timed_out);
}

TEST_CASE("rfc2217: a server that goes is an error in every call, and no end, behind the data that came")
{
    scripted_server server;
    serial_port port = server.open();
    auto reading = in_thread([&] { return code_of([&] { (void)port.recv_line(timeout); }); });
    auto asking = in_thread([&] { return code_of([&] { port.set_rts(false, timeout); }); });
    auto watching = in_thread([&] { return code_of([&] { (void)run(port.async_modem_change({}, timeout)); }); });
    (void)server.next();
    server.send("rest");
    server.close();
    CHECK(reading.get() == condition::broken);
    CHECK(asking.get() == condition::broken);
    CHECK(watching.get() == condition::broken);
    CHECK(port.recv(4, timeout) == byte_view("rest"));
    CHECK(code_of([&] { (void)port.recv(timeout); }) == condition::broken);
    CHECK(code_of([&] { (void)port.recv_all(timeout); }) == condition::broken);
    CHECK(code_of([&] { port.send("x", timeout); }) == condition::broken);
    CHECK(code_of([&] { port.apply({}, timeout); }) == condition::broken);
}

TEST_CASE("rfc2217: what has come before a send fails is still there")
{
    duplex port(serial::descriptor_of(serial::rfc2217_line(broken_late(), {}, {})));
    CHECK(code_of([&] { port.send("request", timeout); }) == boost::system::errc::broken_pipe);
    CHECK(port.recv(10, timeout) == byte_view("last words"));
    CHECK(code_of([&] { port.recv(timeout); }) == boost::system::errc::connection_reset);
    CHECK(code_of([&] { port.send("more", timeout); }) == condition::broken);
}

TEST_CASE("rfc2217: close wakes everybody who waits for the server")
{
    scripted_server server;
    serial_port port = server.open();
    auto reading = in_thread([&] { return code_of([&] { (void)port.recv(timeout); }); });
    auto asking = in_thread([&] { return code_of([&] { port.set_rts(false); }); });
    auto watching = in_thread([&] { return code_of([&] { (void)run(port.async_modem_change({})); }); });
    (void)server.next();
    port.close();
    CHECK(reading.get() == errc::closed);
    CHECK(asking.get() == errc::closed);
    CHECK(watching.get() == errc::closed);
}

TEST_CASE("rfc2217: what the protocol has no words for is unsupported")
{
    scripted_server server;
    for (const serial_settings& s :
         {serial_settings().exclusive(true), serial_settings().low_latency(true), serial_settings().hang_up(false),
          serial_settings().rs485(rs485_options()), serial_settings().rts_cts(true).xon_xoff(true)}) {
        CAPTURE(s.to_string());
        CHECK(code_of([&] { (void)serial_port(server.where(), s); }) == errc::unsupported);
    }
    serial_port port = server.open("rtscts=on");
    CHECK(code_of([&] { port.apply(serial_settings().exclusive(true)); }) == errc::unsupported);
    CHECK(code_of([&] { port.drain(); }) == errc::unsupported);
    CHECK(code_of([&] { run(port.async_drain()); }) == errc::unsupported);
    CHECK(code_of([&] { (void)port.queued_output(); }) == errc::unsupported);
    CHECK(code_of([&] { port.set_output_flow(false); }) == errc::unsupported);
    CHECK(code_of([&] { port.set_rts(false); }) == errc::invalid_argument);
    port.set_input_flow(false, timeout);
    CHECK(static_cast<int>(server.next().code) == static_cast<int>(com_code::suspend));
    run(port.async_set_input_flow(true, timeout));
    CHECK(static_cast<int>(server.next().code) == static_cast<int>(com_code::resume));
}

TEST_CASE("rfc2217: garbage in the middle of a connection harms nothing but itself")
{
    scripted_server server;
    serial_port port = server.open();
    server.send_raw("\xff\xf0\xff\xfa\x2c" + std::string(100'000, 'x') +
                    "\xff\xf0\xff\xfa\x2c\x65\xff\xf0\xff\xfa\x2c"
                    "\x65\1\xff\xf0\xff\xfa\x01\xff\xf0\xff\xfb\x99\xff\xf1\xff\xfa\x2c\xf0\1\1\xff\xf0ok");
    CHECK(port.recv(2, timeout) == byte_view("ok"));
    test::dice roll(3);
    std::string noise;
    for (int i = 0; i < 200'000; ++i)
        noise += static_cast<char>(roll.one_in(3) ? 255 : roll.one_in(3) ? 240 + roll(16) : roll(256));
    server.send_raw(noise + "\xff\xf0\xff\xf0");
    server.send("the end of it");
    std::string last;
    while (!last.ends_with("the end of it"))
        last += port.recv(timeout).text();
    // It may have suspended this end, and turned binary transmission off.
    server.answer({com_code::resume});
    port.send("still here", timeout);
    CHECK(server.data(10) == "still here");
}

TEST_CASE("serial_port: raw TCP remembers settings, purges input, and supports nothing else")
{
    listener here(address("tcp://127.0.0.1:0"));
    const std::string where = "tcp://127.0.0.1:" + here.address().service();
    for (const bool blocks : {true, false}) {
        serial_port port = blocks ? serial_port(where, serial_settings().baud(300), timeout)
                                  : run(async_open_serial_port(where, serial_settings().baud(300), timeout));
        duplex device = here.accept(timeout);
        CHECK(port.settings().baud() == 300);
        port.apply(serial_settings().baud(600).rts(false), timeout);
        CHECK(port.settings() == serial_settings().baud(600).rts(false));
        port.send("there", timeout);
        CHECK(device.recv(5, timeout) == byte_view("there"));
        device.send("back\nold", timeout);
        CHECK(port.recv_line(timeout) == byte_view("back"));
        error_code ec;
        (void)port.recv(4, 0s, ec); // it is there, but short of a byte
        while (port.peek_partial(timeout).size() < 3)
            (void)port.recv(4, 1ms, ec);
        port.purge(serial_queue::input, timeout);
        device.send("new", timeout);
        CHECK(port.recv(3, timeout) == byte_view("new"));

        for (const auto& call : std::initializer_list<std::function<void()>>{
                 [&] { port.set_rts(true); }, [&] { port.set_dtr(true); }, [&] { (void)port.modem(); },
                 [&] { (void)port.modem_change({}); }, [&] { port.set_break(true); }, [&] { port.send_break(1ms); },
                 [&] { port.purge(serial_queue::output); }, [&] { port.purge(); }, [&] { port.drain(); },
                 [&] { (void)port.queued_input(); }, [&] { (void)port.queued_output(); },
                 [&] { port.set_output_flow(true); }, [&] { port.set_input_flow(true); }, [&] { (void)port.errors(); },
                 [&] { run(port.async_drain()); }, [&] { run(port.async_set_break(true)); }})
            CHECK(code_of(call) == errc::unsupported);
        device.close();
        CHECK(code_of([&] { (void)port.recv(timeout); }) == condition::broken); // and no end
    }
}
