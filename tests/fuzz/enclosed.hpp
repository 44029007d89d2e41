// What the targets of framings between delimiters share.
#pragma once

#include "fuzz/decoder.hpp"

namespace ferrule::test {

/// The delimiters that are kept in front of a frame.
inline constexpr std::size_t max_fill = 256;

/// The number of delimiters in front, at most `max_fill`.
inline std::size_t fill_in_front(std::string_view text, char delimiter)
{
    return std::min({text.find_first_not_of(delimiter), text.size(), max_fill});
}

/// `for_nothing` is what sending an empty message returns.
template <class Framing, class Reference>
void check_enclosed(byte_view input, Reference reference, const error_code& for_nothing)
{
    const auto make = [] { return Framing(); };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        check_framing(make, input, limits(most), reference);
    FUZZ_REQUIRE(round_trip(make(), input, limits()) == (input.empty() ? for_nothing : error_code()));
    (void)round_trip(make(), input, limits(3));
    try { // a packet
        FUZZ_REQUIRE(make().load(bytes(input)).size() <= input.size());
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::malformed);
    }
}

} // namespace ferrule::test
