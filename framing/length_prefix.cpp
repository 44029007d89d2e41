#include <ferrule/framing/length_prefix.hpp>

#include "framing/length_prefix.hpp"

#include <algorithm>
#include <array>

namespace ferrule::detail {

namespace {

/// The size is a constant, so that this compiles to one instruction.
template <std::size_t Size>
u64 number(const std::byte* p, std::endian order) noexcept
{
    u64 little = 0;
    u64 big = 0;
    for (std::size_t i = 0; i < Size; ++i) {
        little |= std::to_integer<u64>(p[i]) << (8 * i);
        big = big << 8 | std::to_integer<u64>(p[i]);
    }
    return order == std::endian::little ? little : big;
}

} // namespace

decode_result decode_length_prefix(byte_view buffered, std::size_t header, std::endian order, const limits& l) noexcept
{
    if (buffered.size() < header)
        return decode_result::need_more(header - buffered.size());
    const std::byte* const p = buffered.data();
    const u64 length = header == 1   ? number<1>(p, order)
                       : header == 2 ? number<2>(p, order)
                       : header == 4 ? number<4>(p, order)
                                     : number<8>(p, order);
    return announced(buffered, header, length, l);
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
    out.append_copy(used);
    out.append_view(payload);
    return {};
}

} // namespace ferrule::detail
