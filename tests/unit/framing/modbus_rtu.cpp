#include <ferrule/framing/modbus_rtu.hpp>

#include "support/test.hpp"

using outcome = decode_status;
using role = modbus_rtu::role;

TEST_CASE("modbus_rtu: the frames of the specification's example and of a CRC known elsewhere")
{
    // "MODBUS over Serial Line" V1.02, 6.2.2: address 02, function 07, and the CRC 1241, sent low byte first.
    CHECK(to_hex(frame_of(modbus_rtu(), from_hex("0207"))) == "02074112");
    CHECK(to_hex(frame_of(modbus_rtu(), from_hex("0103 0000 000A"))) == "01030000000ac5cd");
}

TEST_CASE("modbus_rtu: a response has the length that its function code tells")
{
    for (const char* const message : {"0101 01 CD",
                                      "0102 03 ACDB35",
                                      "0103 06 022B 0000 0064",
                                      "0104 02 000A",
                                      "0105 00AC FF00",
                                      "0106 0001 0003",
                                      "0107 6D",
                                      "0108 0000 A537",
                                      "010B FFFF 0108",
                                      "010C 08 0000 0108 0121 2000",
                                      "010F 0013 000A",
                                      "0110 0001 0002",
                                      "0111 02 01FF",
                                      "0114 0C 05 06 0DFE 0020 05 06 33CD 0040",
                                      "0115 0D 06 0004 0007 0003 06AF 04BE 100D",
                                      "0116 0004 00F2 0025",
                                      "0117 0C 00FE 0ACD 0001 0003 000D 00FF",
                                      "0118 0006 0002 01B8 1284",
                                      "0183 02",
                                      "0190 04"}) {
        CAPTURE(message);
        const std::string payload = from_hex(message);
        const std::string frame = frame_of(modbus_rtu(), payload);
        modbus_rtu f;
        for (std::size_t n = 0; n < frame.size(); ++n) {
            const decode_result r = f.decode(byte_view(frame).first(n), {});
            REQUIRE(r.status() == outcome::need_more);
            REQUIRE(r.needed() <= frame.size() - n);
        }
        const decode_result r = f.decode(frame + "behind", {});
        REQUIRE(r.status() == outcome::frame);
        CHECK(r.payload() == payload.size());
        CHECK(r.size() == frame.size());
    }
}

TEST_CASE("modbus_rtu: a request has the length that its function code tells")
{
    for (const char* const message :
         {"0101 0013 0013", "0102 00C4 0016", "0103 006B 0003", "0104 0008 0001", "0105 00AC FF00", "0106 0001 0003",
          "0107", "0108 0000 A537", "010B", "010C", "010F 0013 000A 02 CD01", "0110 0001 0002 04 000A 0102", "0111",
          "0114 0E 06 0004 0001 0002 06 0003 0009 0002", "0115 0D 06 0004 0007 0003 06AF 04BE 100D",
          "0116 0004 00F2 0025", "0117 0003 0006 000E 0003 06 00FF 00FF 00FF", "0118 04DE"}) {
        CAPTURE(message);
        const std::string payload = from_hex(message);
        const std::string frame = frame_of(modbus_rtu(), payload);
        const decode_result r = modbus_rtu(role::server).decode(frame + "behind", {});
        REQUIRE(r.status() == outcome::frame);
        CHECK(r.payload() == payload.size());
        CHECK(r.size() == frame.size());
    }
}

TEST_CASE("modbus_rtu: a wrong CRC, an unknown function and a length beyond the format are malformed")
{
    std::string frame = frame_of(modbus_rtu(), from_hex("0103 02 0001"));
    for (std::size_t i = 0; i < 8 * frame.size(); ++i) {
        std::string damaged = frame;
        damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
        const decode_result r = modbus_rtu().decode(damaged, {});
        CHECK(r.status() != outcome::frame);
    }
    CHECK(modbus_rtu().decode(from_hex("0163"), {}).error() == errc::malformed);
    CHECK(modbus_rtu().decode(from_hex("0118 FFFF"), {}).error() == errc::malformed);
    CHECK(modbus_rtu().decode(frame, limits(4)).error() == errc::too_large);
    error_code ec;
    (void)frame_of(modbus_rtu(), "x", {}, ec);
    CHECK(ec == errc::unencodable);
    (void)frame_of(modbus_rtu(), std::string(255, 'x'), {}, ec);
    CHECK(ec == errc::unencodable);
}
