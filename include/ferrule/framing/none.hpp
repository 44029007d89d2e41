// Messages without framing.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Adds nothing: a message is the result of one read. On a stream the boundaries of messages are lost, and an empty
/// message sends nothing. On transports that preserve packet boundaries (datagrams, seqpacket) one packet is one
/// message. Stateless.
class FERRULE_FRAMING_EXPORT none {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
