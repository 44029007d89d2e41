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
    return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// The value of digits; false if it is 2⁶⁴ or more.
[[nodiscard]] inline bool decimal(std::string_view digits, std::uint64_t& value) noexcept
{
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
}

} // namespace ferrule::detail
