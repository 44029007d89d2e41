#include <ferrule/framing/none.hpp>

#include "framing/payload.hpp"

#include <algorithm>

namespace ferrule {

decode_result none::decode(byte_view buffered, const limits& l) const noexcept
{
    if (buffered.empty())
        return decode_result::need_more(1);
    if (l.max_payload() == 0)
        return decode_result::failed(errc::too_large);
    return decode_result::frame(0, std::min(buffered.size(), l.max_payload()));
}

error_code none::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    out.append_view(payload);
    return {};
}

} // namespace ferrule
