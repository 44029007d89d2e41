// Length-prefixed byte messages with SQLite4 variable-length integers.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstdint>

namespace ferrule {

/// The default framing: the payload's length as a SQLite4 varint (1 to 9 bytes), then the payload.
///
///     first byte A0      length
///     0 … 240            A0
///     241 … 248          240 + 256·(A0−241) + A1
///     249                2288 + 256·A1 + A2
///     250 … 255          3 … 8 bytes, big-endian, follow
///
/// Source: "Variable-Length Integers" of the SQLite4 design notes; also Python socketwrapper's VarIntBytes. Encodings
/// longer than needed are accepted. Stateless; a copy costs nothing.
class FERRULE_FRAMING_EXPORT varint {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
