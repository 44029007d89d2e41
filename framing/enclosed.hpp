// Frames between delimiters that occur nowhere else. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <algorithm>
#include <cstddef>

namespace ferrule::detail {

/// What is at the front of a stream: delimiters, then the content of a frame up to the next delimiter.
class enclosed {
public:
    /// The delimiters that are kept until a frame comes. More would let an idle line fill the memory.
    static constexpr std::size_t max_fill = 256;

    /// `searched` is the number of bytes that are known to contain no end.
    enclosed(byte_view buffered, std::byte delimiter, std::size_t searched) noexcept
    {
        const auto first = std::ranges::find_if(buffered, [&](std::byte b) { return b != delimiter; });
        header = static_cast<std::size_t>(first - buffered.begin());
        const byte_view unsearched = buffered.subspan(std::max(searched, header));
        const auto end = std::ranges::find(unsearched, delimiter);
        added = unsearched.first(static_cast<std::size_t>(end - unsearched.begin()));
        content = std::max(searched, header) + added.size() - header;
        is_whole = end != unsearched.end();
    }

    [[nodiscard]] std::size_t size() const noexcept { return header + content + (is_whole ? 1 : 0); }

    std::size_t header = 0;
    std::size_t content = 0;
    byte_view added; // the content that had not been searched
    bool is_whole = false;
};

} // namespace ferrule::detail
