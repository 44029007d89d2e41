// The byte messages of Python's multiprocessing connections.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// The messages that `send_bytes` and `recv_bytes` of a Python `multiprocessing.connection.Connection` exchange over a
/// pipe or stream socket. A signed 32-bit big-endian length precedes the payload. The length −1 announces an unsigned
/// 64-bit big-endian length, which is used above 2³¹−1 bytes. The long form is accepted for any length. Other negative
/// lengths are `errc::malformed`; CPython takes them for empty messages and then misreads the stream. Stateless.
///
/// Source: CPython's Lib/multiprocessing/connection.py (3.8 to 3.14), `Connection._send_bytes` and `_recv_bytes`.
class FERRULE_FRAMING_EXPORT multiprocessing_bytes {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
