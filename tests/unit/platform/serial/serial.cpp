#include "support/test.hpp"

#include <ferrule/platform/serial.hpp>

namespace {

std::string refusal(std::string_view text)
{
    try {
        (void)serial_settings::parse(text);
    } catch (const usage_error& e) {
        CHECK(e.code() == errc::invalid_argument);
        return e.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("serial_settings: what is set is there, and the defaults are 9600 8N1")
{
    const serial_settings usual;
    CHECK(usual.to_string() == "baud=9600&bits=8&parity=N&stop=1");
    CHECK(usual.rts());
    CHECK(usual.dtr());
    CHECK(usual.hang_up());
    CHECK_FALSE(usual.exclusive());

    const serial_settings s = serial_settings()
                                  .baud(4294967295)
                                  .data_bits(5)
                                  .parity(parity::mark)
                                  .stop_bits(stop_bits::one_and_half)
                                  .xon_xoff(true)
                                  .rts_cts(true)
                                  .dsr_dtr(true)
                                  .rts(false)
                                  .dtr(false)
                                  .exclusive(true)
                                  .low_latency(true)
                                  .hang_up(false)
                                  .rs485(rs485_options().rts_on_send(false).receive_own(true).delay_after(3ms));
    CHECK(s.baud() == 4294967295);
    CHECK(s.data_bits() == 5);
    CHECK(s.parity() == parity::mark);
    CHECK(s.stop_bits() == stop_bits::one_and_half);
    CHECK(s.rs485()->delay_after() == 3ms);
    CHECK(s.to_string() == "baud=4294967295&bits=5&parity=M&stop=1.5&xonxoff=on&rtscts=on&dsrdtr=on&rts=off&dtr=off&"
                           "exclusive=on&low_latency=on&hang_up=off&rs485=on&rs485_rts_on_send=off&"
                           "rs485_receive_own=on&rs485_delay_after=3");
    CHECK(serial_settings::parse(s.to_string()) == s);
    CHECK(s != usual);
}

TEST_CASE("serial_settings: every value of every option is read back as it was written")
{
    for (const char* text : {"",
                             "baud=1",
                             "baud=115200",
                             "bits=5",
                             "bits=6",
                             "bits=7",
                             "parity=O",
                             "parity=E",
                             "parity=M",
                             "parity=S",
                             "stop=1.5",
                             "stop=2",
                             "xonxoff=on",
                             "rtscts=on",
                             "dsrdtr=on",
                             "rts=off",
                             "dtr=off",
                             "exclusive=on",
                             "low_latency=on",
                             "hang_up=off",
                             "rs485=on",
                             "rs485_rts_on_send=off",
                             "rs485_rts_after_send=on",
                             "rs485_receive_own=on",
                             "rs485_delay_before=7",
                             "rs485_delay_after=60000",
                             "baud=300&bits=7&parity=E&stop=2"}) {
        CAPTURE(text);
        const serial_settings s = serial_settings::parse(text);
        CHECK(serial_settings::parse(s.to_string()) == s);
        CHECK((s == serial_settings()) == (*text == '\0'));
    }
    CHECK(serial_settings::parse("parity=even") == serial_settings().parity(parity::even));
    CHECK(serial_settings::parse("rtscts=1&rtscts=0") == serial_settings());
    CHECK(serial_settings::parse("rs485_delay_after=1&rs485=off") == serial_settings());
}

TEST_CASE("serial_settings: a refusal names the option that is wrong")
{
    CHECK(refusal("speed=9600").find("there is no option 'speed'") != std::string::npos);
    CHECK(refusal("baud").find("the option 'baud' has no value") != std::string::npos);
    CHECK(refusal("=1").find("there is no option ''") != std::string::npos);
    CHECK(refusal("baud=9600&").find("behind the last '&'") != std::string::npos);
    CHECK(refusal("&").find("there is no option") != std::string::npos);
    for (const char* value : {"", "0", "-1", "4294967296", "9600.0", "0x10", " 9600", "fast"}) {
        CAPTURE(value);
        CHECK(refusal("bits=8&baud=" + std::string(value)) == refusal("baud=" + std::string(value)));
        CHECK(refusal("baud=" + std::string(value))
                  .find("'baud' is a number from 1 to 4294967295, and not '" + std::string(value) + "'") !=
              std::string::npos);
    }
    CHECK(refusal("bits=9").find("'bits' is 5, 6, 7 or 8, and not '9'") != std::string::npos);
    CHECK(refusal("bits=4").find("'bits'") != std::string::npos);
    CHECK(refusal("parity=n").find("'parity' is N, O, E, M or S, and not 'n'") != std::string::npos);
    CHECK(refusal("stop=3").find("'stop' is 1, 1.5 or 2, and not '3'") != std::string::npos);
    CHECK(refusal("rtscts=yes").find("'rtscts' is on or off, and not 'yes'") != std::string::npos);
    CHECK(refusal("rs485=2").find("'rs485' is on or off") != std::string::npos);
    CHECK(refusal("rs485_receive_own=").find("'rs485_receive_own' is on or off") != std::string::npos);
    CHECK(refusal("rs485_delay_before=60001").find("'rs485_delay_before'") != std::string::npos);
    CHECK(code_of([] { (void)serial_settings().baud(0); }) == errc::invalid_argument);
    CHECK(code_of([] { (void)serial_settings().data_bits(4); }) == errc::invalid_argument);
    CHECK(code_of([] { (void)serial_settings().data_bits(9); }) == errc::invalid_argument);
}

TEST_CASE("rfc2217_options: what is set is there, and is written where it differs from the defaults")
{
    CHECK(rfc2217_options().to_string().empty());
    CHECK(rfc2217_options().request_timeout() == 3s);
    CHECK(rfc2217_options().control_answers() == acknowledgement::required);
    CHECK(rfc2217_options().purge_answers() == acknowledgement::optional);
    const rfc2217_options o = rfc2217_options()
                                  .request_timeout(1ms)
                                  .control_answers(acknowledgement::ignored)
                                  .purge_answers(acknowledgement::required);
    CHECK(o.to_string() == "request_timeout=1&control_answers=ignored&purge_answers=required");
    CHECK(o != rfc2217_options());
    CHECK(code_of([] { (void)rfc2217_options().request_timeout(0ms); }) == errc::invalid_argument);
    CHECK(code_of([] { (void)rfc2217_options().request_timeout(60'001ms); }) == errc::invalid_argument);
}
