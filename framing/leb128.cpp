#include <ferrule/framing/leb128.hpp>

#include "framing/length_prefix.hpp"

#include <array>

namespace ferrule {

decode_result leb128::decode(byte_view buffered, const limits& l) const noexcept
{
    constexpr std::size_t max_header = 10;
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < max_header; ++i) {
        if (i == buffered.size())
            return decode_result::need_more(1);
        const auto b = std::to_integer<std::uint64_t>(buffered[i]);
        if (i + 1 == max_header && b > 1)
            break;
        length |= (b & 0x7f) << (7 * i);
        if (b < 0x80)
            return detail::announced(buffered, i + 1, length, l);
    }
    return decode_result::failed(errc::malformed);
}

error_code leb128::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    std::array<std::byte, 10> header;
    std::size_t size = 0;
    std::uint64_t rest = length;
    for (; rest >= 0x80; rest >>= 7)
        header[size++] = static_cast<std::byte>(rest | 0x80);
    header[size++] = static_cast<std::byte>(rest);
    out.append_copy(std::span(header).first(size));
    out.append_view(payload);
    return {};
}

} // namespace ferrule
