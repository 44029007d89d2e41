// Holds a serialisation to its promises: any bytes are a value that survives being sent, or a `frame_error`.
#pragma once

#include "fuzz/decoder.hpp"

#include <ferrule/framing/framed.hpp>

namespace ferrule::test {

/// The value of `payload`, if it is one.
template <codec Codec>
std::optional<typename Codec::value_type> decoded(const Codec& c, byte_view payload)
{
    try {
        return c.decode(bytes(payload));
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::invalid_value);
        FUZZ_REQUIRE(e.transferred() == payload.size());
        FUZZ_REQUIRE(e.data() == byte_view(payload.first(std::min<std::size_t>(payload.size(), 64 * 1024))));
        return std::nullopt;
    }
}

/// What is sent of the value that `payload` is; nothing if it is none. Compared are the bytes, since NaN is not NaN.
template <codec Codec>
std::optional<bytes> check_value(const Codec& c, byte_view payload)
{
    const auto value = decoded(c, payload);
    if (!value)
        return std::nullopt;
    bytes sent;
    FUZZ_REQUIRE(!c.encode(*value, sent));
    const auto received = decoded(c, sent);
    FUZZ_REQUIRE(received.has_value());
    bytes again;
    FUZZ_REQUIRE(!c.encode(*received, again));
    FUZZ_REQUIRE(again == sent);
    return sent;
}

/// An input of `R`, the number of repetitions (3 bytes), the size of a unit (1 byte), the unit, and a rest, is the unit so
/// many times and the rest; any other is what it is. For nesting that would be large in a file.
inline std::string expanded(byte_view input)
{
    const std::string_view text = input.text();
    const auto number = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(text[i])}; };
    if (text.size() < 5 || text[0] != 'R' || text.size() - 5 < number(4))
        return std::string(text);
    const std::string_view unit = text.substr(5, number(4));
    std::string out;
    for (std::size_t n = number(1) << 16 | number(2) << 8 | number(3); n > 0 && out.size() < 1'200'000; --n)
        out += unit;
    return out.append(text.substr(5 + unit.size()));
}

} // namespace ferrule::test
