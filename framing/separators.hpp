// The first of several separators in text that grows. Private.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ferrule::detail {

/// Where a separator ends, and how long it is; `length` 0 if there is none.
class separator_match {
public:
    std::size_t end = 0;
    std::size_t length = 0;
};

/// The separator that ends first in `text`, at or behind position `searched`; of those that end together, the longest. In
/// one pass, so that frames which are short cost little however much lies behind them.
[[nodiscard]] inline separator_match find_separator(std::string_view text, std::size_t searched,
                                                    std::span<const std::string> separators) noexcept
{
    // Most lists end in one character, whatever their length.
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

/// Whether text in which no separator has ended yet is already too much for a payload of at most `most` bytes, of which the
/// last `longest - 1` may belong to a separator.
[[nodiscard]] inline bool is_overlong(std::size_t size, std::size_t most, std::size_t longest) noexcept
{
    return size >= most && size - most >= longest;
}

} // namespace ferrule::detail
