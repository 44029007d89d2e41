#include <ferrule/framing/varint.hpp>

#include "framing/length_prefix.hpp"

namespace ferrule {

decode_result varint::decode(byte_view buffered, const limits& l) const noexcept
{
    if (buffered.empty())
        return decode_result::need_more(1);
    const auto first = std::to_integer<unsigned>(buffered[0]);
    const std::size_t header = first <= 240 ? 1 : first <= 248 ? 2 : first - 246;
    if (buffered.size() < header)
        return decode_result::need_more(header - buffered.size());
    const std::uint64_t rest = detail::big_endian(buffered.subspan(1, header - 1));
    const std::uint64_t length = first <= 240   ? first
                                 : first <= 248 ? 240 + 256 * (first - 241) + rest
                                 : first == 249 ? 2288 + rest
                                                : rest;
    return detail::announced(buffered, header, length, l);
}

error_code varint::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    std::array<std::byte, 9> header;
    std::size_t size = 1;
    const auto put = [&](unsigned first, std::uint64_t rest, std::size_t rest_size) {
        header[0] = static_cast<std::byte>(first);
        detail::put_big_endian(rest, std::span(header).subspan(1, rest_size));
        size = 1 + rest_size;
    };
    if (length <= 240)
        put(static_cast<unsigned>(length), 0, 0);
    else if (length <= 2287)
        put(static_cast<unsigned>(241 + (length - 240) / 256), (length - 240) % 256, 1);
    else if (length <= 67823)
        put(249, length - 2288, 2);
    else {
        std::size_t rest_size = 3;
        while (rest_size < 8 && (std::uint64_t{length} >> (8 * rest_size)) != 0)
            ++rest_size;
        put(static_cast<unsigned>(247 + rest_size), length, rest_size);
    }
    out.append_copy(std::span(header).first(size));
    out.append_view(payload);
    return {};
}

} // namespace ferrule
