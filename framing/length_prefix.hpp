// What framings with a length in front have in common. Private.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstdint>

namespace ferrule::detail {

/// The frame of which the header, `header` bytes long, announces `payload` bytes.
[[nodiscard]] inline decode_result announced(byte_view buffered, std::size_t header, std::uint64_t payload,
                                             const limits& l) noexcept
{
    if (payload > l.max_payload() || payload > SIZE_MAX - header)
        return decode_result::failed(errc::too_large);
    const std::size_t whole = header + static_cast<std::size_t>(payload);
    return buffered.size() < whole ? decode_result::need_more(whole - buffered.size())
                                   : decode_result::frame(header, static_cast<std::size_t>(payload));
}

/// The number in `bytes`, big-endian; at most eight of them.
[[nodiscard]] inline std::uint64_t big_endian(byte_view bytes) noexcept
{
    std::uint64_t value = 0;
    for (const std::byte b : bytes)
        value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
}

inline void put_big_endian(std::uint64_t value, std::span<std::byte> out) noexcept
{
    for (std::size_t i = out.size(); i-- > 0; value >>= 8)
        out[i] = static_cast<std::byte>(value & 0xff);
}

/// The size of a payload in pieces, or `errc::too_large`.
[[nodiscard]] inline error_code measure(std::span<const byte_view> payload, const limits& l, std::size_t& size) noexcept
{
    size = 0;
    for (const byte_view part : payload) {
        if (part.size() > l.max_payload() - size)
            return errc::too_large;
        size += part.size();
    }
    return {};
}

inline void gather(std::span<const byte_view> payload, encoded& out)
{
    for (const byte_view part : payload)
        out.gather(part);
}

} // namespace ferrule::detail
