// Frames with a checksum.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <boost/crc.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

namespace ferrule {

/// CRC-16/MODBUS: polynomial 8005 reflected, initial value FFFF.
using crc_16_modbus = boost::crc_optimal<16, 0x8005, 0xffff, 0, true, true>;
/// CRC-32 of Ethernet, zip and PNG.
using crc_32 = boost::crc_32_type;

/// `Framing` whose payload ends with a checksum of the message. `Crc` is a class of Boost.CRC of 8, 16, 32 or 64 bits,
/// and `Order` the order of its bytes. Messages are delivered without the checksum.
///
/// If `Framing` finds the next good frame by itself, as `slip` and `cobs` do, a frame whose checksum is wrong is noise,
/// which the endpoint skips and counts (`skipped()`). With other framings it is `errc::malformed`, since its length may
/// be wrong. So is a packet with a wrong checksum.
/// The limit bounds the message without the checksum. More is `errc::too_large`.
template <byte_framing Framing, class Crc = crc_32, std::endian Order = std::endian::little>
class checksummed {
public:
    using message_type = bytes;
    static constexpr bool resynchronizes = ferrule::resynchronizes<Framing>;

    checksummed() = default;
    explicit checksummed(Framing f) : inner_(std::move(f)) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l)
    {
        const decode_result r = inner_.decode(buffered, inner_limits(l));
        if (r.status() != decode_status::frame)
            return r;
        const byte_view payload = buffered.subspan(r.header(), r.payload());
        if (restoring_framing<Framing> ? is_good(detail::restored(inner_, bytes(payload))) : is_good(payload))
            return r;
        return resynchronizes ? decode_result::skip(r.size()) : decode_result::failed(errc::malformed, r.size());
    }
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        if (total_size(payload) > l.max_payload())
            return errc::too_large;
        Crc crc;
        for (const byte_view part : payload)
            crc.process_bytes(part.data(), part.size());
        std::vector<byte_view> parts(payload.begin(), payload.end());
        parts.push_back(out.hold(written(crc.checksum())));
        return inner_.encode(parts, inner_limits(l), out);
    }
    /// Removes the checksum. Throws `frame_error` (`errc::malformed`), which only happens to packets.
    [[nodiscard]] bytes load(bytes payload) const
    {
        payload = detail::restored(inner_, std::move(payload));
        if (!is_good(payload))
            throw_error(errc::malformed, payload, payload.size());
        payload.resize(payload.size() - width);
        return payload;
    }
    void reset() { detail::restart(inner_); }

private:
    using value_type = typename Crc::value_type;
    static constexpr std::size_t width = std::numeric_limits<value_type>::digits / 8;
    static_assert(Crc::bit_count == 8 * width, "a checksum of whole bytes");

    [[nodiscard]] static limits inner_limits(const limits& l) noexcept
    {
        return limits(std::min(l.max_payload(), SIZE_MAX - width) + width);
    }
    [[nodiscard]] static bytes written(value_type checksum)
    {
        bytes b;
        b.resize(width);
        for (std::size_t i = 0; i < width; ++i)
            b[Order == std::endian::little ? i : width - 1 - i] = static_cast<std::byte>(checksum >> (8 * i) & 0xff);
        return b;
    }
    [[nodiscard]] static bool is_good(byte_view payload)
    {
        if (payload.size() < width)
            return false;
        const byte_view message = payload.first(payload.size() - width);
        Crc crc;
        crc.process_bytes(message.data(), message.size());
        return payload.last(width) == byte_view(written(crc.checksum()));
    }

    Framing inner_{};
};

} // namespace ferrule
