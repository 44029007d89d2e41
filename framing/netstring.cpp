#include <ferrule/framing/netstring.hpp>

#include "framing/decimal.hpp"
#include "framing/length_prefix.hpp"

#include <algorithm>
#include <string>

namespace ferrule {

decode_result netstring::decode(byte_view buffered, const limits& l) const noexcept
{
    const std::string_view text = buffered.text().substr(0, detail::max_decimal + 1);
    const std::size_t digits = detail::leading_digits(text);
    std::uint64_t length = 0;
    if (digits > 1 && text[0] == '0')
        return decode_result::failed(errc::malformed);
    if (digits != 0 && !detail::decimal(text.substr(0, digits), length))
        return decode_result::failed(errc::too_large);
    // A length that is too large stays too large, because further digits only increase it.
    const decode_result r = detail::announced(buffered, std::max<std::size_t>(digits, 1) + 1, length, l, 1);
    if (digits == text.size()) // the length is still incomplete
        return r.status() == decode_status::failed ? decode_result::failed(r.error()) : r;
    if (r.status() == decode_status::failed)
        return r;
    if (digits == 0 || text[digits] != ':')
        return decode_result::failed(errc::malformed);
    if (r.status() == decode_status::frame && buffered[r.header() + r.payload()] != std::byte{','})
        return decode_result::failed(errc::malformed);
    return r;
}

error_code netstring::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    out.append_copy(std::to_string(length) + ':');
    out.append_view(payload);
    out.append_copy(",");
    return {};
}

} // namespace ferrule
