// No framing.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Nothing is added: a message is whatever one read yields. On a stream the boundaries of messages are lost; on
/// descriptors that keep them (datagrams, seqpacket) one packet is one message. An empty message sends nothing on a
/// stream. Stateless.
class FERRULE_FRAMING_EXPORT none {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
};

} // namespace ferrule
