// Byte messages with a length of fixed size in front.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace ferrule {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

namespace detail {

FERRULE_FRAMING_EXPORT decode_result decode_length_prefix(byte_view buffered, std::size_t header, std::endian order,
                                                          const limits& l) noexcept;
FERRULE_FRAMING_EXPORT error_code encode_length_prefix(std::span<const byte_view> payload, std::size_t header,
                                                       std::endian order, const limits& l, encoded& out);

} // namespace detail

/// The length of the payload as an unsigned integer of fixed size, then the payload. Big-endian `u8`, `u16` and `u32`
/// are `{packet, 1|2|4}` of an Erlang port. Browsers' native messaging uses little-endian `u32`. A payload that is too
/// long for the integer is `errc::too_large`. Stateless.
template <std::unsigned_integral Integer, std::endian Order = std::endian::big>
class length_prefix {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept
    {
        return detail::decode_length_prefix(buffered, sizeof(Integer), Order, l);
    }
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        return detail::encode_length_prefix(payload, sizeof(Integer), Order, l, out);
    }
};

} // namespace ferrule
