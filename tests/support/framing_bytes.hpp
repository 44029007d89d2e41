#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::test {

// "FB FFFFFFFF" → five bytes. Blanks do not matter.
inline std::string from_hex(std::string_view hex)
{
    std::string out;
    int high = -1;
    for (const char c : hex) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            continue;
        if (high < 0)
            high = digit;
        else {
            out += static_cast<char>(high * 16 + digit);
            high = -1;
        }
    }
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
