// Length-prefixed byte messages with LEB128 integers, as protobuf's delimited messages.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// The payload's length as an unsigned LEB128 integer (1 to 10 bytes, seven bits each, the lowest first, the top bit set on
/// all but the last), then the payload: protobuf's delimited messages (`writeDelimitedTo`, `SerializeDelimitedToOstream`).
/// Encodings longer than needed are accepted, up to ten bytes; lengths of 2⁶⁴ and more are `errc::malformed`. Stateless.
///
/// Source: "Base 128 Varints" of the protocol buffers encoding.
class FERRULE_FRAMING_EXPORT leb128 {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
