#include <ferrule/framing/content_length.hpp>

#include "framing/decimal.hpp"
#include "framing/length_prefix.hpp"

#include <algorithm>
#include <string>

namespace ferrule {
namespace {

std::string_view trimmed(std::string_view s) noexcept
{
    const auto first = std::min(s.find_first_not_of(" \t"), s.size());
    return s.substr(first, s.find_last_not_of(" \t") + 1 - first);
}

bool is_content_length(std::string_view name) noexcept
{
    constexpr std::string_view lower = "content-length";
    // Not std::tolower, which consults the locale for every character.
    return std::ranges::equal(name, lower, {},
                              [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

} // namespace

decode_result content_length::decode(byte_view buffered, const limits& l) noexcept
{
    while (!has_all_) {
        if (length_ > l.max_payload())
            return decode_result::failed(errc::too_large);
        const std::string_view text = buffered.text().substr(0, max_headers);
        const std::size_t end = text.find('\n', searched_);
        if (end == std::string_view::npos) {
            searched_ = text.size();
            return text.size() == max_headers ? decode_result::failed(errc::too_large) : decode_result::need_more(1);
        }
        std::string_view line = text.substr(line_, end - line_);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.empty() && !has_length_)
            return decode_result::failed(errc::malformed);
        if (const error_code ec = read_line(line))
            return decode_result::failed(ec);
        line_ = searched_ = end + 1;
    }
    const decode_result r = detail::announced(buffered, line_, length_, l);
    if (r.status() == decode_status::frame)
        reset();
    return r;
}

error_code content_length::read_line(std::string_view line) noexcept
{
    if (line.empty()) {
        has_all_ = true;
        return {};
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
        return errc::malformed;
    if (!is_content_length(line.substr(0, colon)))
        return {};
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (has_length_ || value.empty() || detail::leading_digits(value) != value.size())
        return errc::malformed;
    if (!detail::decimal(value, length_))
        return errc::too_large;
    has_length_ = true;
    return {};
}

error_code content_length::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t length;
    if (const error_code ec = detail::measure(payload, l, length))
        return ec;
    out.append_copy("Content-Length: " + std::to_string(length) + "\r\n\r\n");
    out.append_view(payload);
    return {};
}

} // namespace ferrule
