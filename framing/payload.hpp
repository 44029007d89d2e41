// Payloads in pieces. Private.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <string>

namespace ferrule::detail {

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

/// The payload in one piece. Several pieces are copied to `joined`.
[[nodiscard]] inline byte_view in_one_piece(std::span<const byte_view> payload, std::string& joined)
{
    if (payload.size() == 1)
        return payload[0];
    for (const byte_view part : payload)
        joined += part.text();
    return joined;
}

} // namespace ferrule::detail
