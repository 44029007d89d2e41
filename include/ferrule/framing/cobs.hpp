// Consistent overhead byte stuffing.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Messages by consistent overhead byte stuffing (Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999),
/// each followed by a zero byte. The stuffed message contains no zero byte, and is at most one byte in 254 longer, and
/// one more. Any number of zero bytes may lie between two messages.
///
/// After a fault of the line, the next zero byte begins a good frame. What is no stuffed message is noise, which the
/// endpoint skips and counts (`skipped()`). Other damage goes unnoticed: use `checksummed<cobs>`.
/// The limit bounds the message before stuffing. More is `errc::too_large`.
class FERRULE_FRAMING_EXPORT cobs {
public:
    using message_type = bytes;
    static constexpr bool resynchronizes = true;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    /// Restores the zero bytes. Throws `frame_error` (`errc::malformed`), which only happens to packets.
    [[nodiscard]] bytes load(bytes payload) const;
    void reset() noexcept { searched_ = 0; }

private:
    std::size_t searched_ = 0; // bytes in which no frame ends
};

} // namespace ferrule
