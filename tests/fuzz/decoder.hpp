#pragma once

#include "fuzz/fuzz.hpp"

#include <ferrule/framing/framing.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace ferrule::test {

// What a header says, by another way of reading the specification.
struct announced {
    std::size_t header;
    std::uint64_t payload;
    bool malformed = false;
};

// Holds `Framing::decode` against `reference`, which answers nothing while the header is incomplete, and checks the
// contract of framings: the answer for every beginning of the input, progress, limits, the way back.
template <class Framing, class Reference>
void check_decoder(byte_view input, const limits& l, Reference reference)
{
    using outcome = decode_result::outcome;
    Framing f;
    const std::optional<announced> whole = reference(input);
    const decode_result r = f.decode(input, l);
    const bool refused =
        whole && (whole->malformed || whole->payload > l.max_payload() || whole->payload > SIZE_MAX - whole->header);
    if (!whole) {
        FUZZ_REQUIRE(r.what() == outcome::need_more);
        FUZZ_REQUIRE(r.needed() >= 1);
        FUZZ_REQUIRE(r.needed() <= 12);
    } else if (refused) {
        FUZZ_REQUIRE(r.what() == outcome::failed);
        FUZZ_REQUIRE(r.error() == (whole->malformed ? errc::malformed : errc::too_large));
    } else {
        const std::size_t size = whole->header + static_cast<std::size_t>(whole->payload);
        if (input.size() < size) {
            FUZZ_REQUIRE(r.what() == outcome::need_more);
            FUZZ_REQUIRE(r.needed() == size - input.size());
        } else {
            FUZZ_REQUIRE(r.what() == outcome::frame);
            FUZZ_REQUIRE(r.header() == whole->header);
            FUZZ_REQUIRE(r.payload() == whole->payload);
            FUZZ_REQUIRE(r.trailer() == 0);
            // The payload, framed again, is that payload.
            const byte_view payload = input.subspan(r.header(), r.payload());
            encoded e;
            FUZZ_REQUIRE(!f.encode(std::span(&payload, 1), l, e));
            std::string again;
            for (std::size_t i = 0; i < e.parts(); ++i)
                again += e.part(i).text();
            FUZZ_REQUIRE(again.size() == e.size());
            FUZZ_REQUIRE(again.size() <= r.header() + r.payload());
            const decode_result d = f.decode(again, l);
            FUZZ_REQUIRE(d.what() == outcome::frame);
            FUZZ_REQUIRE(byte_view(again).subspan(d.header(), d.payload()) == payload);
            FUZZ_REQUIRE(d.header() + d.payload() == again.size());
        }
    }
    // Every shorter input: needs more until the answer is known, and then never changes its mind.
    const std::size_t known = whole ? whole->header : input.size();
    for (std::size_t n = 0; n < std::min<std::size_t>(input.size(), 20); ++n) {
        const decode_result p = f.decode(input.first(n), l);
        if (n < known || !refused) {
            FUZZ_REQUIRE(p.what() == (whole && !refused && n >= whole->header + whole->payload ? outcome::frame
                                                                                               : outcome::need_more));
            if (p.what() == outcome::need_more) {
                FUZZ_REQUIRE(p.needed() >= 1);
                if (whole && !refused)
                    FUZZ_REQUIRE(p.needed() <= whole->header + whole->payload - n);
            }
        } else
            FUZZ_REQUIRE(p.what() == outcome::failed && p.error() == r.error());
    }
}

template <class Framing, class Reference>
void check_decoder(byte_view input, Reference reference)
{
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        check_decoder<Framing>(input, limits(most), reference);
}

} // namespace ferrule::test
