#include <ferrule/python/standard.hpp>

#include "framing/python/document.hpp"

#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <cctype>

namespace ferrule::python {
namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view s)
{
    std::string out(s);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool is_decimal(std::string_view s)
{
    const auto take_digits = [&s] {
        const auto end = std::ranges::find_if_not(s, is_digit);
        const auto n = static_cast<std::size_t>(end - s.begin());
        s.remove_prefix(n);
        return n;
    };
    const auto take_sign = [&s] {
        if (s.starts_with('+') || s.starts_with('-'))
            s.remove_prefix(1);
    };
    take_sign();
    const std::string name = lower(s.substr(0, s.find_first_of("0123456789")));
    if (name == "inf" || name == "infinity")
        return s.size() == name.size();
    if (name == "nan" || name == "snan") { // with optional digits
        s.remove_prefix(name.size());
        take_digits();
        return s.empty();
    }
    std::size_t digits = take_digits();
    if (s.starts_with('.')) {
        s.remove_prefix(1);
        digits += take_digits();
    }
    if (digits == 0)
        return false;
    if (s.starts_with('E') || s.starts_with('e')) {
        s.remove_prefix(1);
        take_sign();
        if (take_digits() == 0)
            return false;
    }
    return s.empty();
}

/// Makes a surrogate of each byte that is not UTF-8 (PEP 383). `unescape_bytes` does the reverse.
std::string escape_bytes(std::string_view name)
{
    std::string out;
    while (!name.empty()) {
        const auto first = static_cast<unsigned char>(name[0]);
        const std::string_view character = name.substr(0, first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);
        const bool is_surrogate = first == 0xed && character.size() > 1 && (character[1] & 0x20) != 0;
        if (detail::is_text(character) && !is_surrogate) {
            out += character;
            name.remove_prefix(character.size());
        } else {
            out += {'\xed', static_cast<char>(0xb0 | (first >> 6)), static_cast<char>(0x80 | (first & 0x3f))};
            name.remove_prefix(1);
        }
    }
    return out;
}

std::string unescape_bytes(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte_at = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
        if (i + 2 < text.size() && byte_at(0) == 0xed && (byte_at(1) & 0xfc) == 0xb0) {
            out += static_cast<char>((byte_at(1) & 0x03) << 6 | (byte_at(2) & 0x3f));
            i += 2;
        } else
            out += text[i];
    }
    return out;
}

} // namespace

value converter<decimal>::from(const decimal& d)
{
    if (!is_decimal(d.text))
        throw usage_error(errc::invalid_argument, std::string("not a decimal number"));
    return value::object("decimal", "Decimal", {d.text});
}

decimal converter<decimal>::to(const value& v)
{
    if (!v.is("decimal", "Decimal") || v.args().size() != 1 || v.args()[0].type() != type::string ||
        !is_decimal(v.args()[0].as<std::string_view>()))
        detail::mismatch(v, "a Decimal");
    return decimal(v.args()[0].as<std::string>());
}

value converter<boost::uuids::uuid>::from(const boost::uuids::uuid& u)
{
    return value::object("uuid", "UUID", {to_string(u)});
}

boost::uuids::uuid converter<boost::uuids::uuid>::to(const value& v)
{
    if (!v.is("uuid", "UUID") || v.state().type() != type::dict)
        detail::mismatch(v, "a UUID");
    const value number = v.state().at("int");
    boost::uuids::uuid u{};
    if (number.type() != type::integer)
        detail::mismatch(v, "a UUID");
    if (const detail::cell& c = number.cell(); c.is_large()) {
        const byte_view little_endian = c.data();
        const bool is_wide = little_endian.size() == sizeof u.data + 1 && little_endian.back() == std::byte{};
        if (little_endian.size() > sizeof u.data && !is_wide)
            detail::mismatch(v, "a UUID");
        if ((little_endian.back() & std::byte{0x80}) != std::byte{}) // negative
            detail::mismatch(v, "a UUID");
        for (std::size_t i = 0; i < std::min(little_endian.size(), sizeof u.data); ++i)
            u.data[sizeof u.data - 1 - i] = std::to_integer<std::uint8_t>(little_endian[i]);
    } else {
        auto n = number.as<std::uint64_t>();
        for (std::size_t i = sizeof u.data; n != 0; n >>= 8)
            u.data[--i] = static_cast<std::uint8_t>(n);
    }
    return u;
}

value converter<std::filesystem::path>::from(const std::filesystem::path& p)
{
    return value::object("pathlib", "Path", {escape_bytes(p.string())});
}

std::filesystem::path converter<std::filesystem::path>::to(const value& v)
{
    static constexpr std::string_view names[] = {"Path",     "PosixPath",     "WindowsPath",
                                                 "PurePath", "PurePosixPath", "PureWindowsPath"};
    const auto is_path = [&](std::string_view name) {
        return v.is("pathlib", name) || v.is("pathlib._local", name); // 3.13 has the latter
    };
    if (std::ranges::none_of(names, is_path))
        detail::mismatch(v, "a path");
    std::filesystem::path p;
    for (std::size_t i = 0; i < v.args().size(); ++i) {
        if (v.args()[i].type() != type::string)
            detail::mismatch(v, "a path");
        p /= unescape_bytes(v.args()[i].as<std::string_view>());
    }
    return p.empty() ? std::filesystem::path(".") : p; // Path() is Path(".")
}

value converter<std::complex<double>>::from(const std::complex<double>& z)
{
    return value::object("builtins", "complex", {z.real(), z.imag()});
}

std::complex<double> converter<std::complex<double>>::to(const value& v)
{
    if (v.type() == type::floating || v.type() == type::integer)
        return v.as<double>();
    if (!v.is("builtins", "complex") || v.args().size() != 2)
        detail::mismatch(v, "a complex number");
    return {v.args()[0].as<double>(), v.args()[1].as<double>()};
}

} // namespace ferrule::python
