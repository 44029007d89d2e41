// Integers of any size.
#include "framing/python/document.hpp"

#include <boost/multiprecision/cpp_int.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace ferrule::python {
namespace {

using boost::multiprecision::cpp_int;

constexpr std::size_t max_decimal_bytes = 1000; // 8000 bits
constexpr std::size_t max_digits = 4300;        // the limit of CPython

cpp_int number(byte_view integer)
{
    cpp_int n;
    if (integer.empty())
        return n;
    import_bits(n, reinterpret_cast<const unsigned char*>(integer.data()),
                reinterpret_cast<const unsigned char*>(integer.data()) + integer.size(), 8, false);
    if (std::to_integer<unsigned>(integer.back()) >= 0x80)
        n -= cpp_int(1) << static_cast<unsigned>(8 * integer.size());
    return n;
}

/// For a number beyond 64 bits: the nearest double, ties to even, as in Python; infinite beyond the largest double.
double to_double(const cpp_int& n)
{
    const cpp_int magnitude = abs(n);
    // The top 64 bits. The last one is set if any lower bit is, which suffices to round correctly.
    const std::size_t shift = msb(magnitude) - 63;
    const auto high = static_cast<std::uint64_t>(magnitude >> shift) | (lsb(magnitude) < shift ? 1u : 0u);
    const double d = std::ldexp(static_cast<double>(high), static_cast<int>(std::min<std::size_t>(shift, 2000)));
    return n < 0 ? -d : d;
}

} // namespace

namespace detail {

std::size_t shortest(byte_view integer) noexcept
{
    std::size_t n = integer.size();
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(integer[i]); };
    while (n > 1 && (at(n - 1) == 0 || at(n - 1) == 0xff) && (at(n - 1) ^ at(n - 2)) < 0x80)
        --n;
    return n == 1 && at(0) == 0 ? 0 : n;
}

cell integer_cell(byte_view integer) noexcept
{
    const byte_view least = integer.first(shortest(integer));
    if (least.size() > sizeof(std::int64_t))
        return cell::of(type::integer, least);
    std::uint64_t n = !least.empty() && std::to_integer<unsigned>(least.back()) >= 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = least.size(); i-- > 0;)
        n = n << 8 | std::to_integer<std::uint64_t>(least[i]);
    return cell::of(static_cast<std::int64_t>(n));
}

bool is_equal(byte_view integer, double d)
{
    return std::isfinite(d) && std::trunc(d) == d && number(integer) == cpp_int(d);
}

bool parse_integer(std::string_view digits, document& d, cell& out)
{
    const bool negative = digits.starts_with('-');
    std::string_view magnitude = digits;
    if (negative || digits.starts_with('+'))
        magnitude.remove_prefix(1);
    if (magnitude.empty() || magnitude.size() > max_digits ||
        magnitude.find_first_not_of("0123456789") != std::string_view::npos)
        return false;
    std::int64_t small = 0;
    const std::string_view signed_digits = negative ? digits : magnitude;
    if (std::from_chars(signed_digits.data(), signed_digits.data() + signed_digits.size(), small).ec == std::errc()) {
        out = cell::of(small);
        return true;
    }
    magnitude.remove_prefix(std::min(magnitude.find_first_not_of('0'), magnitude.size() - 1)); // 0… would be octal
    cpp_int n{std::string(magnitude)};
    if (negative)
        n = (cpp_int(1) << (msb(n) + 9) / 8 * 8) - n;
    std::vector<unsigned char> little_endian;
    export_bits(n, std::back_inserter(little_endian), 8, false);
    if (!negative && little_endian.back() >= 0x80)
        little_endian.push_back(0);
    out = integer_cell(d.copy(byte_view(little_endian)));
    return true;
}

} // namespace detail

std::string value::digits() const
{
    if (!cell_.is_large())
        return std::to_string(as_integer());
    const cpp_int n = number(cell_.data());
    if (cell_.data().size() <= max_decimal_bytes)
        return n.str();
    std::string hex = (n < 0 ? -n : n).str(0, std::ios_base::hex);
    std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return (n < 0 ? "-0x" : "0x") + hex;
}

double value::as_floating() const
{
    switch (type()) {
    case python::type::floating: return cell_.floating();
    case python::type::boolean:
    case python::type::integer: break;
    default: wrong("a float");
    }
    if (!cell_.is_large())
        return static_cast<double>(cell_.integer());
    const double d = to_double(number(cell_.data()));
    if (!std::isfinite(d)) // where Python raises OverflowError
        wrong("one that a float can be");
    return d;
}

} // namespace ferrule::python
