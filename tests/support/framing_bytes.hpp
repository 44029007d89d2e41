#pragma once

#include <ferrule/framing/framing.hpp>

#include <cctype>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::test {

// "FB FFFFFFFF" → five bytes. What is no digit does not matter.
inline std::string from_hex(std::string_view hex)
{
    std::string digits(hex);
    std::erase_if(digits, [](unsigned char c) { return std::isxdigit(c) == 0; });
    std::string out(digits.size() / 2, '\0');
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
    return out;
}

inline std::string to_hex(byte_view b)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const std::byte x : b) {
        out += digits[std::to_integer<unsigned>(x) >> 4];
        out += digits[std::to_integer<unsigned>(x) & 15];
    }
    return out;
}

inline std::string flat(const encoded& e)
{
    std::string all;
    for (std::size_t i = 0; i < e.parts(); ++i)
        all += e.part(i).text();
    return all;
}

// The frame of one payload; empty if the framing refuses it, with the reason in `ec`.
template <class Framing>
std::string frame_of(const Framing& f, byte_view payload, const limits& l, error_code& ec)
{
    encoded e;
    ec = f.encode(std::span(&payload, 1), l, e);
    return flat(e);
}
template <class Framing>
std::string frame_of(const Framing& f, byte_view payload)
{
    error_code ec;
    return frame_of(f, payload, limits(SIZE_MAX), ec);
}

// A payload that claims to be `size` bytes long, for encoders, which only look at sizes. The bytes must not be touched.
inline byte_view untouchable(std::size_t size)
{
    static const std::byte one{};
    return {&one, size};
}

} // namespace ferrule::test
