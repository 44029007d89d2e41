#include "platform/serial/com_port.hpp"

#include "support/test.hpp"

using namespace serial;
using namespace std::string_literals;

namespace {

std::uint32_t value_of(const std::string& payload, unsigned char from = 0)
{
    const auto m = decode(payload, from);
    REQUIRE(m);
    return m->value;
}

} // namespace

TEST_CASE("com_port: messages have the bytes of RFC 2217, and are read back")
{
    CHECK(encode({com_code::set_baud, 115'200}, 0) == "\x01\0\x01\xc2\0"s);
    CHECK(encode({com_code::set_baud, 0xffff'ffff}, of_server) == "\x65\xff\xff\xff\xff"s);
    CHECK(encode({com_code::set_data_size, 7}, 0) == "\x02\x07");
    CHECK(encode({com_code::set_control, 8}, of_server) == "\x69\x08");
    CHECK(encode({com_code::signature, 0, "me"}, of_server) == "dme");
    CHECK(encode({com_code::signature}, 0) == "\0"s);
    CHECK(encode({com_code::suspend}, of_server) == "\x6c");
    CHECK(encode({com_code::purge, 3}, 0) == "\x0c\x03");
    for (const unsigned char from : {static_cast<unsigned char>(0), of_server}) {
        for (int code = 0; code <= 12; ++code) {
            const com_message m{static_cast<com_code>(code), code == 1 ? 0x0102'0304u : 0xffu, code == 0 ? "text" : ""};
            const auto back = decode(encode(m, from), from);
            REQUIRE(back);
            CHECK(back->code == m.code);
            CHECK(back->text == m.text);
            const bool has_value = code != 0 && code != 8 && code != 9;
            CHECK(back->value == (has_value ? m.value : 0));
            CHECK_FALSE(decode(encode(m, from), static_cast<unsigned char>(of_server - from)));
        }
    }
}

TEST_CASE("com_port: speeds come in three forms")
{
    CHECK(value_of("\x65\0\0\x25\x80"s, of_server) == 9600);
    CHECK(value_of("\x65\0\0\x25\x80\0\0\0\0"s, of_server) == 9600); // sredird
    CHECK(value_of("\x01\x08"s) == 9600);                            // Cisco
    CHECK(value_of("\x01\x03"s) == 300);
    CHECK(value_of("\x01\x0f"s) == 230'400);
    CHECK(value_of("\x01\0"s) == 0); // a query
    CHECK_FALSE(decode("\x01\x10"s, 0));
    CHECK_FALSE(decode("\x01\0\0"s, 0));
    CHECK_FALSE(decode("\x01\0\0\x25"s, 0));
}

TEST_CASE("com_port: what is no message is none")
{
    CHECK_FALSE(decode("", 0));
    CHECK_FALSE(decode("\x02", 0));
    CHECK_FALSE(decode("\x0d\x01", 0));
    CHECK_FALSE(decode("\x63\x01", of_server));
    CHECK_FALSE(decode("\x71\x01", of_server));
    CHECK(decode("\x08", 0));
}

TEST_CASE("com_port: settings and modem lines have the values of RFC 2217")
{
    const parity parities[] = {parity::none, parity::odd, parity::even, parity::mark, parity::space};
    for (std::uint32_t i = 0; i < 5; ++i)
        CHECK(com_value(parities[i]) == i + 1);
    CHECK(com_value(stop_bits::one) == 1);
    CHECK(com_value(stop_bits::two) == 2);
    CHECK(com_value(stop_bits::one_and_half) == 3);
    CHECK(lines_of(0x10) == modem_lines(true, false, false, false));
    CHECK(lines_of(0x20) == modem_lines(false, true, false, false));
    CHECK(lines_of(0x40) == modem_lines(false, false, true, false));
    CHECK(lines_of(0x80) == modem_lines(false, false, false, true));
    CHECK(lines_of(0x0f) == modem_lines()); // changes alone
    for (std::uint32_t state = 0; state < 256; state += 16)
        CHECK(modem_state_of(lines_of(state)) == state);
}
