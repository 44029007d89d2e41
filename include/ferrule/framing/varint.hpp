// Byte messages with an SQLite4 variable-length integer in front.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstdint>

namespace ferrule {

/// The default framing: the length of the payload as an SQLite4 varint (1 to 9 bytes), then the payload.
///
///     first byte A0      length
///     0 … 240            A0
///     241 … 248          240 + 256·(A0−241) + A1
///     249                2288 + 256·A1 + A2
///     250 … 255          3 … 8 bytes, big-endian, follow
///
/// Encodings longer than needed are accepted. Stateless.
///
/// Source: "Variable-Length Integers" of the SQLite4 design notes; also Python socketwrapper's VarIntBytes.
class FERRULE_FRAMING_EXPORT varint {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
