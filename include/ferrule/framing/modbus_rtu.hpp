// Modbus on serial lines.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// The frames of Modbus RTU ("MODBUS over Serial Line", V1.02): an address, a function code, data, and a CRC-16, low
/// byte first. A message is the frame without the CRC, 2 to 254 bytes; another size is `errc::unencodable`.
///
/// RTU ends frames with silence, which a stream over a network does not keep. So the length of a received frame is
/// computed from its function code ("MODBUS Application Protocol", V1.1b3). The known ones are 1 to 8, 11, 12, 15 to
/// 17, 20 to 24, and exception responses. Other function codes and wrong CRCs are `errc::malformed`. There is no way to
/// find the next frame but a pause: drop the input (`take_partial`), or close the connection.
class FERRULE_FRAMING_EXPORT modbus_rtu {
public:
    using message_type = bytes;

    /// Which frames arrive.
    enum class role : unsigned char {
        client, // responses
        server  // requests
    };

    explicit modbus_rtu(role r = role::client) noexcept : role_(r) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;

private:
    role role_;
};

} // namespace ferrule
