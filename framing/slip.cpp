#include <ferrule/framing/slip.hpp>

#include "framing/enclosed.hpp"
#include "framing/payload.hpp"

#include <algorithm>

namespace ferrule {
namespace {

constexpr std::byte end{0xc0};
constexpr std::byte escape{0xdb};
constexpr std::byte escaped_end{0xdc};
constexpr std::byte escaped_escape{0xdd};

bool is_special(std::byte b) noexcept
{
    return b == end || b == escape;
}

/// Whether each ESC is followed by one of the two bytes that it may precede.
bool is_valid(byte_view content) noexcept
{
    for (auto at = std::ranges::find(content, escape); at != content.end();
         at = std::find(at + 2, content.end(), escape))
        if (content.end() - at < 2 || (at[1] != escaped_end && at[1] != escaped_escape))
            return false;
    return true;
}

} // namespace

decode_result slip::decode(byte_view buffered, const limits& l) noexcept
{
    const detail::enclosed found(buffered, end, searched_);
    searched_ = found.header + found.content;
    escapes_ += static_cast<std::size_t>(std::ranges::count(found.added, escape));
    const std::size_t message = found.content - escapes_;
    if (found.is_whole || found.header >= found.max_fill)
        reset();
    if (found.header >= found.max_fill)
        return decode_result::skip(found.max_fill);
    if (message > l.max_payload())
        return decode_result::failed(errc::too_large, found.is_whole ? found.size() : SIZE_MAX);
    if (!found.is_whole)
        return found.content == 0 ? decode_result::between_messages() : decode_result::need_more(1);
    if (!is_valid(buffered.subspan(found.header, found.content)))
        return decode_result::skip(found.size());
    return decode_result::frame(found.header, found.content, 1);
}

error_code slip::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    if (size == 0)
        return errc::unencodable;
    bytes content;
    content.reserve(size);
    for (const byte_view part : payload) {
        for (byte_view rest = part; !rest.empty();) {
            const auto plain = static_cast<std::size_t>(std::ranges::find_if(rest, is_special) - rest.begin());
            content.append(rest.first(plain));
            rest = rest.subspan(plain);
            if (rest.empty())
                break;
            const std::byte pair[] = {escape, rest[0] == end ? escaped_end : escaped_escape};
            content.append(byte_view(pair, 2));
            rest = rest.subspan(1);
        }
    }
    out.append_copy(byte_view(&end, 1)); // ends what noise may have begun
    out.append_owned(std::move(content));
    out.append_copy(byte_view(&end, 1));
    return {};
}

bytes slip::load(bytes payload) const
{
    if (std::ranges::find(payload, end) != payload.end() || !is_valid(payload)) // a packet, which `decode` has not seen
        throw_error(errc::malformed, payload, payload.size());
    auto to = std::find(payload.begin(), payload.end(), escape);
    for (auto from = to; from != payload.end(); ++from) {
        if (*from == escape)
            *to++ = *++from == escaped_end ? end : escape;
        else
            *to++ = *from;
    }
    payload.resize(static_cast<std::size_t>(to - payload.begin()));
    return payload;
}

} // namespace ferrule
