// Byte messages with a LEB128 length, as protobuf's delimited messages.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// The length of the payload as an unsigned LEB128 integer, then the payload. The integer has 1 to 10 bytes of seven
/// bits each, lowest first. The top bit is set on all but the last byte. These are protobuf's delimited messages
/// (`writeDelimitedTo`, `SerializeDelimitedToOstream`). Encodings longer than needed are accepted, up to ten bytes.
/// Lengths of 2⁶⁴ and more are `errc::malformed`. Stateless.
///
/// Source: "Base 128 Varints" in the protocol buffers encoding.
class FERRULE_FRAMING_EXPORT leb128 {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
