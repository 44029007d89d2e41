// Lengths in decimal digits. Private.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace ferrule::detail {

constexpr std::size_t longest_decimal = 20; // digits of 2⁶⁴−1

/// How many digits `text` begins with.
[[nodiscard]] inline std::size_t leading_digits(std::string_view text) noexcept
{
    std::size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9')
        ++n;
    return n;
}

/// The value of digits; false if it is 2⁶⁴ or more.
[[nodiscard]] inline bool decimal(std::string_view digits, std::uint64_t& value) noexcept
{
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
}

} // namespace ferrule::detail
