// Shared parts of framings with a length in front. Private.
#pragma once

#include "framing/payload.hpp"

#include <cstdint>

namespace ferrule::detail {

/// The result for a frame whose header of `header` bytes announces `payload` bytes, followed by `trailer` bytes.
[[nodiscard]] inline decode_result announced(byte_view buffered, std::size_t header, std::uint64_t payload,
                                             const limits& l, std::size_t trailer = 0) noexcept
{
    if (payload > SIZE_MAX - header - trailer)
        return decode_result::failed(errc::too_large);
    const std::size_t whole = header + static_cast<std::size_t>(payload) + trailer;
    if (payload > l.max_payload())
        return decode_result::failed(errc::too_large, whole);
    return buffered.size() < whole ? decode_result::need_more(whole - buffered.size())
                                   : decode_result::frame(header, static_cast<std::size_t>(payload), trailer);
}

/// The big-endian number in `bytes`, which has at most eight.
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

} // namespace ferrule::detail
