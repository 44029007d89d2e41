// Netstrings.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// The length of the payload in decimal digits, a colon, the payload, a comma: `5:hello,`. Leading zeros, a missing
/// comma and any other deviation from the definition are `errc::malformed`. Stateless.
///
/// Source: "Netstrings", D. J. Bernstein, 1997; used by SCGI and QMTP.
class FERRULE_FRAMING_EXPORT netstring {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
