// Every framing keeps the contract of framings, and the kit notices those that do not.
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/checksummed.hpp>
#include <ferrule/framing/cobs.hpp>
#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/fixed_size.hpp>
#include <ferrule/framing/generated.hpp>
#include <ferrule/framing/json_dialect.hpp>
#include <ferrule/framing/leb128.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/limited.hpp>
#include <ferrule/framing/modbus_rtu.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>
#include <ferrule/framing/netstring.hpp>
#include <ferrule/framing/nul.hpp>
#include <ferrule/framing/progress.hpp>
#include <ferrule/framing/slip.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

using ferrule::testing::check_framing;
using ferrule::testing::contract_failure;

namespace {

using texts = std::vector<std::string>;

// Of the sizes at which headers change, and with bytes that headers are made of.
const texts any_bytes = {"",
                         "x",
                         "hello",
                         std::string("\0\r\n:,", 5),
                         std::string(127, '1'),
                         std::string(128, '\xff'),
                         std::string(240, '\0'),
                         std::string(241, 'b'),
                         std::string(70'000, 'c')};
const texts plain_text = {"", "x", "hello", "two words", std::string(300, 'y'), std::string(70'000, 'z')};

struct sixteen_bit {
    using message_type = bytes;

    frame_reads frames(const arrived& in) const
    {
        co_yield 1;
        co_yield 1;
        const unsigned length = in[0] << 8 | in[1];
        co_yield length;
        co_return decode_result::frame(2, length);
    }
    error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        return length_prefix<u16>().encode(payload, l, out);
    }
};

} // namespace

TEST_CASE("framing: lengths in front keep the contract")
{
    check_framing(varint(), any_bytes);
    check_framing(leb128(), any_bytes);
    check_framing(multiprocessing_bytes(), any_bytes);
    check_framing(netstring(), any_bytes);
    check_framing(content_length(), any_bytes);
    check_framing(length_prefix<u32>(), any_bytes);
    check_framing(length_prefix<u32, std::endian::little>(), any_bytes);
    check_framing(length_prefix<u64>(), any_bytes);
    check_framing(length_prefix<u64, std::endian::little>(), any_bytes);
    const texts short_ones(any_bytes.begin(), any_bytes.end() - 1);
    check_framing(length_prefix<u8>(), short_ones);
    check_framing(length_prefix<u16>(), short_ones);
    check_framing(length_prefix<u16, std::endian::little>(), short_ones);
}

TEST_CASE("framing: escapes, stuffing and checksums keep the contract")
{
    const texts some_bytes(any_bytes.begin() + 1, any_bytes.end());
    const texts special = {"\xc0", "\xdb", "\xdb\xdc", "\xc0\xc0x\xdb\xdd", std::string(300, '\xc0')};
    check_framing(slip(), some_bytes);
    check_framing(slip(), special);
    texts blocks = any_bytes;
    for (const std::size_t n : {253u, 254u, 255u, 508u, 509u})
        for (const char* const end : {"", "x", "\n"})
            blocks.push_back(std::string(n, 'b') + end + std::string(1, '\0'));
    for (const std::size_t n : {253u, 254u, 255u, 508u, 509u})
        blocks.emplace_back(n, 'b');
    check_framing(cobs(), blocks);
    check_framing(checksummed<slip>(), some_bytes);
    check_framing(checksummed<cobs, crc_16_modbus>(), any_bytes);
    check_framing(checksummed<length_prefix<u32>, crc_32, std::endian::big>(), any_bytes);
    check_framing(checksummed<netstring, boost::crc_optimal<8, 0x07>>(), any_bytes);
    check_framing(any_framing("cobs"), blocks);
    check_framing(limited(100'000, checksummed<cobs>()), any_bytes);
    check_framing(modbus_rtu(), {from_hex("0103 04 00010002"), from_hex("1103 00"), from_hex("0183 02"),
                                 from_hex("0110 0001 0002"), from_hex("0118 0004 0001 1234")});
    check_framing(modbus_rtu(modbus_rtu::role::server),
                  {from_hex("0103 0000 0002"), from_hex("0110 0001 0002 04 000A 0102"), from_hex("0107"),
                   from_hex("0117 0003 0006 000E 0003 06 00FF 00FF 00FF")});
}

TEST_CASE("framing: separators keep the contract")
{
    check_framing(lines(), plain_text);
    check_framing(lines("\r"), plain_text);
    check_framing(lines("\r\n"), plain_text);
    check_framing(nul(), plain_text);
    check_framing(delimited("END"), plain_text);
    check_framing(delimited({"; ", "\n", "-----"}), plain_text);
    check_framing(delimited("aab"), {"aa", "xaaa", "ab", std::string(300, 'a')});
    check_framing(delimited(std::string(100, '=') + "!"), {"", "x", std::string(200, '=')});
    check_framing(lines("\r\n", lines::separator::include),
                  {"\r\n", "x\r\n", "\rx\r\n", std::string(300, 'y') + "\r\n"});
    check_framing(json_dialect(), {"{}", "[1, 2]", "\"text\"", "1", " null"});
}

TEST_CASE("framing: messages of one size keep the contract")
{
    check_framing(fixed_size<1>(), {"a", "\n", std::string(1, '\0')});
    check_framing(fixed_size<>(300), {std::string(300, 'a'), std::string(300, 'b')});
}

TEST_CASE("framing: msgpack objects keep the contract")
{
    texts objects;
    for (const char* hex : {"00", "C0", "A568656C6C6F", "93010203", "83A16101A16293C0C2C3A16390", "D90161", "DC000190",
                            "DE0001C0C0", "CB3FF8000000000000", "C70305010203", "D80100112233445566778899AABBCCDDEEFF"})
        objects.push_back(from_hex(hex));
    objects.push_back(from_hex("DB00011170") + std::string(70'000, '\xc1'));
    check_framing(msgpack_bytes(), objects);
}

TEST_CASE("framing: wrappers and generators keep the contract of what they wrap")
{
    const texts short_ones(any_bytes.begin(), any_bytes.end() - 1);
    check_framing(generated<sixteen_bit>(), short_ones);
    check_framing(limited<varint>(100'000), any_bytes);
    check_framing(progress<netstring>([](auto, auto) {}, [](auto, auto) {}), any_bytes);
    check_framing(progress<limited<generated<sixteen_bit>>>({}, {}, limited<generated<sixteen_bit>>(1000)), short_ones);
    check_framing(any_framing("lsp"), any_bytes);
    check_framing(any_framing("lines:\\r\\n"), plain_text);
}
