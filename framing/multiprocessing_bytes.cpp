#include <ferrule/framing/multiprocessing_bytes.hpp>

#include "framing/length_prefix.hpp"

namespace ferrule {
namespace {

constexpr std::size_t short_header = 4;
constexpr std::size_t long_header = 12;
constexpr std::uint64_t max_short = 0x7fffffff;
constexpr std::uint64_t long_form = 0xffffffff; // −1

} // namespace

decode_result multiprocessing_bytes::decode(byte_view buffered, const limits& l) const noexcept
{
    if (buffered.size() < short_header)
        return decode_result::need_more(short_header - buffered.size());
    const std::uint64_t length = detail::big_endian(buffered.first(short_header));
    if (length <= max_short)
        return detail::announced(buffered, short_header, length, l);
    if (length != long_form)
        return decode_result::failed(errc::malformed);
    if (buffered.size() < long_header)
        return decode_result::need_more(long_header - buffered.size());
    return detail::announced(buffered, long_header,
                             detail::big_endian(buffered.subspan(short_header, long_header - short_header)), l);
}

error_code multiprocessing_bytes::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    std::array<std::byte, long_header> header;
    if (length <= max_short) {
        detail::put_big_endian(length, std::span(header).first(short_header));
        out.append_copy(std::span(header).first(short_header));
    } else {
        detail::put_big_endian(long_form, std::span(header).first(short_header));
        detail::put_big_endian(length, std::span(header).subspan(short_header));
        out.append_copy(header);
    }
    out.append_view(payload);
    return {};
}

} // namespace ferrule
