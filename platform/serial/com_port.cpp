#include "platform/serial/com_port.hpp"

#include <array>
#include <iterator>

namespace ferrule::serial {
namespace {

bool has_value(com_code c) noexcept
{
    return c != com_code::signature && c != com_code::suspend && c != com_code::resume;
}

std::uint32_t byte_at(const std::string& s, std::size_t i) noexcept
{
    return static_cast<unsigned char>(s[i]);
}

// By the value of the one byte; 0 where Cisco has none.
constexpr std::uint32_t cisco_speeds[] = {0,     0, 0,      300, 600,    1'200,  2'400,   4'800,
                                          9'600, 0, 19'200, 0,   38'400, 57'600, 115'200, 230'400};

constexpr std::uint32_t cts_bit = 16;
constexpr std::uint32_t dsr_bit = 32;
constexpr std::uint32_t ri_bit = 64;
constexpr std::uint32_t cd_bit = 128;

} // namespace

std::string encode(const com_message& m, unsigned char from)
{
    std::string payload(1, static_cast<char>(static_cast<unsigned char>(m.code) + from));
    if (m.code == com_code::signature)
        return payload + m.text;
    if (!has_value(m.code))
        return payload;
    for (int shift = m.code == com_code::set_baud ? 24 : 0; shift >= 0; shift -= 8)
        payload += static_cast<char>((m.value >> shift) & 0xff);
    return payload;
}

std::optional<com_message> decode(const std::string& payload, unsigned char from)
{
    if (payload.empty())
        return std::nullopt;
    const std::uint32_t number = byte_at(payload, 0);
    if (number < from || number > from + static_cast<std::uint32_t>(com_code::purge))
        return std::nullopt;
    com_message m{static_cast<com_code>(number - from)};
    if (m.code == com_code::signature) {
        m.text = payload.substr(1);
        return m;
    }
    if (!has_value(m.code))
        return m;
    if (payload.size() < 2)
        return std::nullopt;
    m.value = byte_at(payload, 1);
    if (m.code != com_code::set_baud)
        return m;
    if (payload.size() >= 5) // sredird appends NULs
        m.value = (m.value << 24) | (byte_at(payload, 2) << 16) | (byte_at(payload, 3) << 8) | byte_at(payload, 4);
    else if (payload.size() != 2 || m.value >= std::size(cisco_speeds))
        return std::nullopt;
    else
        m.value = cisco_speeds[m.value];
    return m;
}

std::uint32_t com_value(parity p) noexcept
{
    return static_cast<std::uint32_t>(p) + 1; // in the order of the enumerators
}

std::uint32_t com_value(stop_bits s) noexcept
{
    switch (s) {
    case stop_bits::one: return 1;
    case stop_bits::two: return 2;
    case stop_bits::one_and_half: break;
    }
    return 3;
}

modem_lines lines_of(std::uint32_t state) noexcept
{
    return {(state & cts_bit) != 0, (state & dsr_bit) != 0, (state & ri_bit) != 0, (state & cd_bit) != 0};
}

std::uint32_t modem_state_of(const modem_lines& l) noexcept
{
    return (l.cts() ? cts_bit : 0) | (l.dsr() ? dsr_bit : 0) | (l.ri() ? ri_bit : 0) | (l.cd() ? cd_bit : 0);
}

} // namespace ferrule::serial
