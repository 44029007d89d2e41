#include <ferrule/net/address.hpp>

#include "support/test.hpp"

#include <ferrule/platform/serial.hpp>

TEST_CASE("address: is printed as it is read")
{
    const std::pair<address, const char*> table[] = {
        {address::unix_path("/run/x"), "unix:/run/x"},
        {address::unix_path("it/self:or %41"), "unix:it/self:or %41"},
        {address::unix_abstract("name"), "abstract:name"},
        {address::pipe(R"(\\.\pipe\x)"), "pipe:x"},
        {address::tcp("127.0.0.1", 80), "tcp://127.0.0.1:80"},
        {address::tcp("example.org", 65535), "tcp://example.org:65535"},
        {address::tcp("h", 0), "tcp://h:0"},
        {address::tcp("h", "80"), "tcp://h:80"},
        {address::tcp("::1", 80), "tcp://[::1]:80"},
        {address::tcp("::ffff:192.0.2.1", 80), "tcp://[::ffff:192.0.2.1]:80"},
        {address::tcp("fe80::1%eth0", 80), "tcp://[fe80::1%eth0]:80"},
        {address::tcp("h", "http"), "tcp://h:http"},
        {address::tcp("h", "3com-tsmux"), "tcp://h:3com-tsmux"},
        {address::fd(3), "fd:3"},
        {address::systemd("http"), "systemd:http"},
        {address::systemd(""), "systemd:"},
        {address::udp("127.0.0.1", 53), "udp://127.0.0.1:53"},
        {address::udp("h", "53"), "udp://h:53"},
        {address::udp("example.org", "tftp"), "udp://example.org:tftp"},
        {address::udp("::", 0), "udp://[::]:0"},
        {address::udp("::ffff:192.0.2.1", 80), "udp://[::ffff:192.0.2.1]:80"},
        {address::udp("ff02::1%eth0", 5000), "udp://[ff02::1%eth0]:5000"},
        {address::tls("example.org", 443), "tls://example.org:443"},
        {address::tls("h", "https"), "tls://h:https"},
        {address::tls("h", "0"), "tls://h:0"},
        {address::tls("::1", 443), "tls://[::1]:443"},
        {address::tls("fe80::1%eth0", 443), "tls://[fe80::1%eth0]:443"},
        {address::unix_datagram("/run/log"), "unixgram:/run/log"},
        {address::unix_datagram("@is/a:path"), "unixgram:@is/a:path"},
        {address::unix_datagram_abstract("log"), "unixgram-abstract:log"},
        {address::unix_datagram_abstract(""), "unixgram-abstract:"},
        {address::unix_seqpacket("/run/x"), "seqpacket:/run/x"},
        {address::unix_seqpacket_abstract("x y"), "seqpacket-abstract:x y"},
        {address::serial("/dev/ttyUSB0"), "serial:/dev/ttyUSB0"},
        {address::serial("COM3"), "serial:COM3"},
        {address::rfc2217("127.0.0.1", 4001), "rfc2217://127.0.0.1:4001"},
        {address::rfc2217("::1", 4001, serial_settings(), rfc2217_options()),
         "rfc2217://[::1]:4001?baud=9600&bits=8&parity=N&stop=1"},
        {address::rfc2217("h", 1, serial_settings().rts(false),
                          rfc2217_options()
                              .request_timeout(100ms)
                              .control_answers(acknowledgement::optional)
                              .purge_answers(acknowledgement::ignored)),
         "rfc2217://h:1?baud=9600&bits=8&parity=N&stop=1&rts=off&request_timeout=100&control_answers=optional&"
         "purge_answers=ignored"},
        {address::serial("/dev/it", serial_settings().baud(115200).parity(parity::even)),
         "serial:/dev/it?baud=115200&bits=8&parity=E&stop=1"},
    };
    for (const auto& [a, text] : table) {
        CAPTURE(text);
        CHECK(a.to_string() == text);
        CHECK(address::parse(text) == a);
        CHECK(address(std::string(text)) == a);
    }
}

TEST_CASE("address: text that is none is refused, and the part that is wrong named")
{
    const std::pair<std::string_view, const char*> table[] = {
        {"", "no scheme"},
        {"127.0.0.1", "no scheme"},
        {"localhost:80", "the scheme 'localhost'"},
        {"TCP://h:1", "the scheme 'TCP'"},
        {"unixstream:/x", "the scheme 'unixstream'"},
        {":1", "the scheme ''"},
        {"tcp:h:1", "after tcp: there must be //"},
        {"tcp://", "the host is empty"},
        {"tcp://:80", "the host is empty"},
        {"tcp://h", "no port"},
        {"tcp://h:", "the port is empty"},
        {"tcp://h:65536", "above 65535"},
        {"tcp://h:99999999999999999999", "above 65535"},
        {"tcp://h:-1", "neither a number nor"},
        {"tcp://h:80/", "neither a number nor"},
        {"tcp://h: 80", "neither a number nor"},
        {"tcp://h:1-2", "neither a number nor"},
        {"tcp://a b:80", "character in the host"},
        {"tcp://user@h:80", "character in the host"},
        {{"tcp://h\0:80", 11}, "character in the host"},
        {"tcp://::1:80", "in brackets"},
        {"tcp://[::1:80", "not closed"},
        {"tcp://[::1]", "no port"},
        {"tcp://[::1]80", "a colon and the port"},
        {"tcp://[]:80", "no IPv6 address"},
        {"tcp://[127.0.0.1]:80", "no IPv6 address"},
        {"tcp://[::g]:80", "no IPv6 address"},
        {"tcp://[fe80::1%]:80", "the scope is empty"},
        {"unix:", "the path is empty"},
        {{"unix:/a\0b", 9}, "a NUL in the path"},
        {"abstract:", "the name is empty"},
        {"pipe:", "the name is empty"},
        {"fd:", "number of a descriptor"},
        {"fd:-1", "number of a descriptor"},
        {"fd:03", "number of a descriptor"},
        {"fd:3x", "number of a descriptor"},
        {"fd:99999999999", "number of a descriptor"},
        {{"systemd:a\0b", 11}, "a NUL in the name"},
        {"udp:h:1", "after udp: there must be //"},
        {"udp://h", "no port"},
        {"udp://h:65536", "above 65535"},
        {"udp://::1:53", "in brackets"},
        {"tls:h:1", "after tls: there must be //"},
        {"tls://", "the host is empty"},
        {"tls://h", "no port"},
        {"tls://h:", "the port is empty"},
        {"tls://h:65536", "above 65535"},
        {"tls://h:443/", "neither a number nor"},
        {"tls://user@h:443", "character in the host"},
        {"tls://::1:443", "in brackets"},
        {"tls://[::1:443", "not closed"},
        {"https://h", "is none of tcp, udp, tls,"},
        {"unixgram:", "the path is empty"},
        {{"unixgram:/a\0b", 13}, "a NUL in the path"},
        {{"unixgram-abstract:a\0b", 21}, "a NUL in the name"},
        {"seqpacket:", "the path is empty"},
        {"seqpacket-abstract:", "the name is empty"},
        {"serial:", "the path is empty"},
        {"serial:?baud=1", "the path is empty"},
        {{"serial:/a\0b", 11}, "a NUL in the path"},
        {"serial:/dev/ttyS0?", "no option behind the question mark"},
        {"serial:/dev/ttyS0?baud=fast", "the option 'baud' is a number from 1 to 4294967295, and not 'fast'"},
        {"serial:/dev/ttyS0?baud=1&speed=1", "there is no option 'speed'"},
        {"serial:/dev/ttyS0?baud=1?", "the option 'baud' is"},
        {"serial:/dev/ttyS0?request_timeout=1", "there is no option 'request_timeout'"},
        {"rfc2217:h:1", "after rfc2217: there must be //"},
        {"rfc2217://h", "no port"},
        {"rfc2217://h?baud=1", "no port"},
        {"rfc2217://h:65536?baud=1", "above 65535"},
        {"rfc2217://h:1?", "no option behind the question mark"},
        {"rfc2217://h:1?request_timeout=0", "'request_timeout' is a number of milliseconds from 1 to 60000"},
        {"rfc2217://h:1?control_answers=some", "'control_answers' is required, optional or ignored, and not 'some'"},
        {"rfc2217://h:1?purge_answers", "the option 'purge_answers' has no value"},
    };
    for (const auto& [text, why] : table) {
        CAPTURE(text, why);
        try {
            (void)address::parse(text);
            FAIL_CHECK("was taken");
        } catch (const usage_error& e) {
            CHECK(e.code() == errc::invalid_argument);
            CHECK(std::string(e.what()).find(why) != std::string::npos);
            CHECK(std::string(e.what()).find(text.substr(0, text.find('\0'))) != std::string::npos);
        }
    }
}

TEST_CASE("address: random text is an address that is printed the same, or refused")
{
    test::dice roll(7);
    constexpr std::string_view pieces[] = {"tcp:",       "tls:",      "udp:",  "unix:", "unixgram",  "seqpacket",
                                           "-abstract:", "abstract:", "pipe:", "fd:",   "systemd:",  "//",
                                           "/",          ":",         "[",     "]",     "::1",       "%eth0",
                                           "80",         "65535",     "h",     " ",     "\xff",      "@",
                                           "serial:",    "rfc2217:",  "?",     "baud=", "&stop=1.5", "127.0.0.1",
                                           ".",          "http-"};
    int taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (std::uint32_t n = roll(7); n != 0; --n)
            text += pieces[roll(std::size(pieces))];
        try {
            const address a = address::parse(text);
            ++taken;
            if (a.to_string() != text)
                FAIL(text << " is printed " << a.to_string());
        } catch (const usage_error&) {
        }
    }
    CHECK(taken > 100);
}

TEST_CASE("address: is local where only this machine can be at the other end")
{
    for (const address& a :
         {address::unix_path("/x"), address::unix_abstract("x"), address::pipe("x"), address::tcp("127.9.9.9", 1),
          address::tcp("::1", 1), address::tcp("localhost", 1), address::udp("127.0.0.1", 1), address::udp("::1", 1),
          address::tls("127.0.0.1", 1), address::tls("localhost", "https"), address::unix_datagram("/x"),
          address::unix_datagram_abstract("x"), address::unix_seqpacket("/x"), address::unix_seqpacket_abstract("x"),
          address::serial("/dev/x"), address::rfc2217("localhost", 1)}) {
        CAPTURE(a.to_string());
        CHECK(a.is_local());
    }
    for (const address& a : {address::tcp("192.0.2.1", 1), address::tcp("::", 1), address::tcp("example.org", 1),
                             address::udp("192.0.2.1", 1), address::udp("224.0.0.1", 1), address::tls("h", 443)}) {
        CAPTURE(a.to_string());
        CHECK(!a.is_local());
    }
}

TEST_CASE("address: equal ones have the same family, name and port")
{
    CHECK(address::tcp("h", 1) == address::tcp("h", 1));
    CHECK(address::tcp("h", 1) != address::tcp("h", 2));
    CHECK(address::unix_path("x") != address::unix_abstract("x"));
    CHECK(address::tcp("h", 7).port() == 7);
    CHECK(address::tcp("h", 7).name() == "h");
    CHECK(address::tcp("h", 7).service() == "7");
    CHECK(address::tcp("h", "http").port() == 0);
    CHECK(address::tcp("h", "http").service() == "http");
    CHECK(address::tcp("h", "http") != address::tcp("h", 80));
    CHECK(address::udp("h", 1) != address::tcp("h", 1));
    CHECK(address::tls("h", 1) != address::tcp("h", 1));
    CHECK(address::tls("h", 1).name() == "h");
    CHECK(address::tls("h", "https").service() == "https");
    CHECK(address::unix_datagram("x") != address::unix_path("x"));
    CHECK(address::unix_datagram("x") != address::unix_datagram_abstract("x"));
    CHECK(address::udp("h", "http").service() == "http");
    CHECK(address::udp("h", "7").port() == 7);
    CHECK(address("serial:/x?baud=1").name() == "/x");
    CHECK(address("serial:/x?baud=1").options() == "baud=1");
    CHECK(address("serial:/x?baud=1") != address("serial:/x?baud=2"));
    CHECK(address("serial:/x").options().empty());
    CHECK(code_of([] { (void)address::serial("/a?b"); }) == errc::invalid_argument);
}
