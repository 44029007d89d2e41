// Lengths in decimal digits. Private.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace ferrule::detail {

constexpr std::size_t max_decimal = 20; // digits of 2⁶⁴−1

/// The number of digits at the front of `text`.
[[nodiscard]] inline std::size_t leading_digits(std::string_view text) noexcept
{
    std::size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9')
        ++n;
    return n;
}

/// Reads digits. Returns false if the value is 2⁶⁴ or more.
[[nodiscard]] inline bool decimal(std::string_view digits, std::uint64_t& value) noexcept
{
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
}

} // namespace ferrule::detail
