// The COM-PORT option of telnet (RFC 2217): its numbers, and its messages as payloads of sub-negotiations. Private.
#pragma once

#include <ferrule/platform/serial.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ferrule::serial {

/// Codes of a client. A server answers with the code plus `of_server`.
enum class com_code : unsigned char {
    signature = 0,
    set_baud = 1,
    set_data_size = 2,
    set_parity = 3,
    set_stop_size = 4,
    set_control = 5,
    notify_line_state = 6,
    notify_modem_state = 7,
    suspend = 8,
    resume = 9,
    set_line_state_mask = 10,
    set_modem_state_mask = 11,
    purge = 12
};
inline constexpr unsigned char of_server = 100;

/// Values of `com_code::set_control`.
enum class com_control : unsigned char {
    query_flow = 0,
    no_flow = 1,
    xon_xoff = 2,
    rts_cts = 3,
    query_break = 4,
    break_on = 5,
    break_off = 6,
    query_dtr = 7,
    dtr_on = 8,
    dtr_off = 9,
    query_rts = 10,
    rts_on = 11,
    rts_off = 12,
    query_input_flow = 13,
    no_input_flow = 14,
    input_xon_xoff = 15,
    input_rts_cts = 16,
    dcd_output_flow = 17,
    dtr_input_flow = 18,
    dsr_output_flow = 19
};

/// Bits of `com_code::notify_line_state`.
inline constexpr std::uint32_t overrun_bit = 2;
inline constexpr std::uint32_t parity_bit = 4;
inline constexpr std::uint32_t framing_bit = 8;
inline constexpr std::uint32_t break_bit = 16;
/// The errors among them.
inline constexpr std::uint32_t error_bits = overrun_bit | parity_bit | framing_bit | break_bit;

/// One message. Its value is `text` for signatures, and a number else.
struct com_message {
    com_code code;
    std::uint32_t value = 0;
    std::string text{};
};

/// The payload of a message. `from` is 0 or `of_server`.
[[nodiscard]] std::string encode(const com_message& m, unsigned char from);
/// Nothing if the payload is no message from that end. Speeds may also come in the one-byte form of Cisco.
[[nodiscard]] std::optional<com_message> decode(const std::string& payload, unsigned char from);

/// The values that stand for settings.
[[nodiscard]] std::uint32_t com_value(parity p) noexcept;
[[nodiscard]] std::uint32_t com_value(stop_bits s) noexcept;
[[nodiscard]] modem_lines lines_of(std::uint32_t modem_state) noexcept;
[[nodiscard]] std::uint32_t modem_state_of(const modem_lines& l) noexcept;

} // namespace ferrule::serial
