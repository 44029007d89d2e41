// The Serial Line Internet Protocol.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Messages as RFC 1055 frames them for serial lines: END (C0) before and after the message, in which DB DC stands for
/// END and DB DD for ESC (DB). Any number of ENDs may lie between two messages, so an empty message is
/// `errc::unencodable`.
///
/// After a fault of the line, the next END begins a good frame. A frame with an ESC that nothing may follow is noise,
/// which the endpoint skips and counts (`skipped()`). Other damage goes unnoticed: use `checksummed<slip>`.
/// The limit bounds the message without its escapes. More is `errc::too_large`.
class FERRULE_FRAMING_EXPORT slip {
public:
    using message_type = bytes;
    static constexpr bool resynchronizes = true;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    /// Resolves the escapes. Throws `frame_error` (`errc::malformed`), which only happens to packets.
    [[nodiscard]] bytes load(bytes payload) const;
    void reset() noexcept { searched_ = escapes_ = 0; }

private:
    std::size_t searched_ = 0; // bytes in which no frame ends
    std::size_t escapes_ = 0;  // ESCs in these
};

} // namespace ferrule
