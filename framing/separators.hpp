// The search for one of several separators in growing text. Private.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ferrule::detail {

/// The end and the length of a separator; `length` is 0 if there is none.
class separator_match {
public:
    std::size_t end = 0;
    std::size_t length = 0;
};

/// Finds the separator that ends first in `text`, at or behind position `searched`. Of those that end together, the
/// longest counts. One pass suffices, so short frames cost little even if much text lies behind them.
[[nodiscard]] inline separator_match find_separator(std::string_view text, std::size_t searched,
                                                    std::span<const std::string> separators) noexcept
{
    // Usually all separators end in the same character.
    const char only = separators.front().back();
    const bool one = std::ranges::all_of(separators, [&](const std::string& s) { return s.back() == only; });
    std::bitset<256> last;
    if (!one)
        for (const std::string& s : separators)
            last.set(static_cast<unsigned char>(s.back()));
    for (std::size_t at = searched; at < text.size(); ++at) {
        if (one) {
            const void* const found = std::memchr(text.data() + at, only, text.size() - at);
            if (found == nullptr)
                break;
            at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
        } else if (!last.test(static_cast<unsigned char>(text[at])))
            continue;
        separator_match m{at + 1, 0};
        for (const std::string& s : separators)
            if (s.size() > m.length && s.size() <= m.end &&
                std::memcmp(text.data() + m.end - s.size(), s.data(), s.size()) == 0)
                m.length = s.size();
        if (m.length != 0)
            return m;
    }
    return {};
}

/// Whether text without an ended separator is too long for a payload of at most `max_size` bytes. The last `max_separator - 1`
/// bytes may belong to a separator.
[[nodiscard]] inline bool is_overlong(std::size_t size, std::size_t max_size, std::size_t max_separator) noexcept
{
    return size >= max_size && size - max_size >= max_separator;
}

} // namespace ferrule::detail
