#include <ferrule/framing/delimited.hpp>

#include "framing/payload.hpp"
#include "framing/separators.hpp"

#include <algorithm>

namespace ferrule {

delimited::delimited(std::vector<std::string> separators, separator s)
    : separators_(std::move(separators)),
      include_(s == separator::include)
{
    for (const std::string& one : separators_)
        longest_ = std::max(longest_, one.size());
    if (separators_.empty() || std::ranges::any_of(separators_, &std::string::empty))
        throw usage_error(errc::invalid_argument, std::string("an empty separator"));
}

decode_result delimited::decode(byte_view buffered, const limits& l) noexcept
{
    const detail::separator_match m = detail::find_separator(buffered.text(), searched_, separators_);
    const std::size_t stripped = include_ ? 0 : m.length;
    if (m.length != 0 && m.end - stripped <= l.max_payload()) {
        searched_ = 0;
        return decode_result::frame(0, m.end - stripped, stripped);
    }
    if (m.length != 0 || detail::is_overlong(buffered.size(), l.max_payload(), include_ ? 0 : longest_))
        return decode_result::failed(errc::too_large, m.length != 0 ? m.end : SIZE_MAX);
    searched_ = buffered.size();
    return decode_result::need_more(1);
}

error_code delimited::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    std::string joined; // a separator may lie across parts
    const std::string_view text = detail::in_one_piece(payload, joined).text();
    const detail::separator_match inside = detail::find_separator(text, 0, separators_);
    const bool has_separator = include_ && inside.length != 0 && inside.end == size;
    if (inside.length != 0 && !has_separator)
        return errc::unencodable;
    const std::string& added = separators_.front();
    if (!has_separator) {
        if (include_ && added.size() > l.max_payload() - size)
            return errc::too_large;
        // A separator may arise where the text meets the added one.
        const std::string seam = std::string(text.substr(size - std::min(size, longest_ - 1))) + added;
        const detail::separator_match m = detail::find_separator(seam, 0, separators_);
        if (m.end != seam.size() || m.length != added.size())
            return errc::unencodable;
    }
    out.append_view(payload);
    if (!has_separator)
        out.append_copy(added);
    return {};
}

} // namespace ferrule
