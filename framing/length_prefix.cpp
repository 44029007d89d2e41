#include <ferrule/framing/length_prefix.hpp>

#include "framing/length_prefix.hpp"

#include <algorithm>
#include <array>

namespace ferrule::detail {

decode_result decode_length_prefix(byte_view buffered, std::size_t header, std::endian order, const limits& l) noexcept
{
    if (buffered.size() < header)
        return decode_result::need_more(header - buffered.size());
    std::array<std::byte, sizeof(u64)> length;
    const std::span<std::byte> used(length.data(), header);
    std::copy_n(buffered.begin(), header, used.begin());
    if (order == std::endian::little)
        std::reverse(used.begin(), used.end());
    return announced(buffered, header, big_endian(used), l);
}

error_code encode_length_prefix(std::span<const byte_view> payload, std::size_t header, std::endian order,
                                const limits& l, encoded& out)
{
    std::size_t length;
    if (const error_code ec = measure(payload, l, length))
        return ec;
    if (header < sizeof(u64) && (u64{length} >> (8 * header)) != 0)
        return errc::too_large;
    std::array<std::byte, sizeof(u64)> bytes;
    const std::span<std::byte> used(bytes.data(), header);
    put_big_endian(length, used);
    if (order == std::endian::little)
        std::reverse(used.begin(), used.end());
    out.copy(used);
    out.gather(payload);
    return {};
}

} // namespace ferrule::detail
