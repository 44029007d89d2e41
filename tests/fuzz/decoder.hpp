// Holds a framing against an independent reference and against the contract of framings.
#pragma once

#include "fuzz/fuzz.hpp"

#include <ferrule/framing/framing.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace ferrule::test {

using outcome = decode_status;

inline constexpr limits no_limits{SIZE_MAX};

/// What a reference makes of the bytes at the front of a stream, by another way of reading the specification.
class answer {
public:
    /// With fewer than `least` further bytes nothing can be known; `exact`: the frame ends behind so many.
    static answer more(std::uint64_t least, bool exact = false) { return {outcome::need_more, exact, least, 0, 0, {}}; }
    static answer frame(std::size_t header, std::size_t payload, std::size_t trailer = 0)
    {
        return {outcome::frame, true, header, payload, trailer, {}};
    }
    static answer failed(errc e) { return {outcome::failed, true, 0, 0, 0, e}; }
    static answer skip(std::size_t n) { return {outcome::skip, true, n, 0, 0, {}}; }

    void check(const decode_result& r) const
    {
        FUZZ_REQUIRE(r.status() == what_);
        if (what_ == outcome::need_more)
            FUZZ_REQUIRE(exact_ ? r.needed() == header_ : r.needed() >= 1 && r.needed() <= header_);
        else if (what_ != outcome::failed)
            FUZZ_REQUIRE(r.header() == header_ && r.payload() == payload_ && r.trailer() == trailer_);
        else
            FUZZ_REQUIRE(r.error() == error_);
    }

private:
    answer(outcome w, bool exact, std::uint64_t h, std::size_t p, std::size_t t, error_code ec)
        : what_(w),
          exact_(exact),
          header_(h),
          payload_(p),
          trailer_(t),
          error_(ec)
    {
    }

    outcome what_;
    bool exact_;
    std::uint64_t header_; // or the bytes needed, or to skip
    std::size_t payload_;
    std::size_t trailer_;
    error_code error_;
};

/// What a complete header says.
class announced {
public:
    std::size_t header;
    std::uint64_t payload;
    bool malformed = false;
};

/// The answer for a frame with its length in front; `a` is nothing while the header is incomplete.
inline answer answer_for(const std::optional<announced>& a, byte_view in, const limits& l)
{
    if (!a)
        return answer::more(12); // the longest header
    if (a->malformed)
        return answer::failed(errc::malformed);
    if (a->payload > l.max_payload() || a->payload > SIZE_MAX - a->header)
        return answer::failed(errc::too_large);
    const std::uint64_t whole = a->header + a->payload;
    return in.size() < whole ? answer::more(whole - in.size(), true)
                             : answer::frame(a->header, static_cast<std::size_t>(a->payload));
}

/// How large a frame is that was refused may be known only when more of it has come.
inline bool same(const decode_result& a, const decode_result& b)
{
    if (a.status() == outcome::failed)
        return b.status() == outcome::failed && a.error() == b.error();
    return a.status() == b.status() && a.header() == b.header() && a.payload() == b.payload() &&
           a.trailer() == b.trailer() && a.error() == b.error();
}

/// Bytes in memory of exactly their size: a sanitizer sees who reads beyond their end, or looks where they were before.
class exact_copy {
public:
    explicit exact_copy(byte_view v) : bytes_(new std::byte[v.size()]), size_(v.size())
    {
        if (!v.empty())
            std::memcpy(bytes_.get(), v.data(), v.size());
    }
    [[nodiscard]] byte_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_;
};

/// Random choices that depend on nothing but the input.
inline std::minstd_rand random_from(byte_view input)
{
    std::uint32_t hash = 2166136261u;
    for (const std::byte b : input)
        hash = (hash ^ std::to_integer<std::uint32_t>(b)) * 16777619u;
    return std::minstd_rand(hash);
}

inline constexpr std::size_t most_frames = 64; // of one input are looked at

/// What a framing says of a stream that has arrived whole: its frames, and at last that it needs more or has failed.
template <class Framing, class Reference>
std::vector<decode_result> decode_whole(Framing f, byte_view input, const limits& l, Reference reference)
{
    const exact_copy copy(input);
    std::vector<decode_result> all;
    for (byte_view rest = copy.view(); all.size() < most_frames; rest = rest.subspan(all.back().size())) {
        const decode_result r = f.decode(rest, l);
        reference(rest, l, r);
        all.push_back(r);
        if (r.status() == outcome::need_more) {
            FUZZ_REQUIRE(r.needed() >= 1);
            break;
        }
        if (r.status() == outcome::failed) {
            FUZZ_REQUIRE(r.error() == condition::bad_frame);
            FUZZ_REQUIRE(same(f.decode(rest, l), r));
            break;
        }
        FUZZ_REQUIRE(r.header() <= rest.size() && r.payload() <= rest.size() && r.trailer() <= rest.size());
        FUZZ_REQUIRE(r.size() >= 1 && r.size() <= rest.size());
    }
    return all;
}

/// The same stream, of which `next(bytes needed)` more bytes arrive each time: the answers must be those of `whole`.
template <class Framing, class Reference, class Next>
void decode_pieces(Framing f, byte_view input, const limits& l, Reference reference,
                   const std::vector<decode_result>& whole, Next next)
{
    std::size_t at = 0;
    std::size_t arrived = 0;
    for (const decode_result& expected : whole) {
        for (;;) {
            const exact_copy copy(input.subspan(at, arrived - at)); // elsewhere each time
            const decode_result r = f.decode(copy.view(), l);
            reference(copy.view(), l, r);
            if (r.status() != outcome::need_more || arrived == input.size()) {
                FUZZ_REQUIRE(same(r, expected));
                if (r.status() == outcome::failed) {
                    // It stays in error, whatever else arrives.
                    FUZZ_REQUIRE(same(f.decode(copy.view(), l), r));
                    FUZZ_REQUIRE(same(f.decode(input.subspan(at), l), r));
                }
                break;
            }
            // No more than is missing, else somebody waits for bytes that the peer does not send.
            FUZZ_REQUIRE(r.needed() >= 1);
            if (expected.status() == outcome::frame || expected.status() == outcome::skip)
                FUZZ_REQUIRE(r.needed() <= input.size() - arrived);
            if (expected.status() == outcome::frame)
                FUZZ_REQUIRE(r.needed() <= expected.size() - copy.view().size());
            else if (expected.status() == outcome::need_more)
                FUZZ_REQUIRE(r.needed() <= input.size() - arrived + expected.needed());
            arrived += std::clamp<std::size_t>(next(r.needed()), 1, input.size() - arrived);
        }
        if (expected.status() == outcome::frame || expected.status() == outcome::skip)
            at += expected.size();
        else {
            // Begun anew, it says the same.
            detail::restart(f);
            FUZZ_REQUIRE(same(f.decode(input.subspan(at), l), expected));
        }
    }
}

/// Payload that is sent and received again is that payload. What `encode` refuses is returned.
template <class Framing>
error_code round_trip(Framing f, byte_view payload, const limits& l)
{
    encoded e;
    if (const error_code ec = f.encode(std::span(&payload, 1), l, e))
        return ec;
    std::string frame;
    for (std::size_t i = 0; i < e.parts(); ++i)
        frame += e.part(i).text();
    FUZZ_REQUIRE(frame.size() == e.size());
    // In two pieces, what is sent is the same.
    const std::size_t middle = payload.size() / 2;
    const byte_view halves[] = {payload.first(middle), payload.subspan(middle)};
    encoded of_halves;
    FUZZ_REQUIRE(!f.encode(halves, l, of_halves));
    std::string again;
    for (std::size_t i = 0; i < of_halves.parts(); ++i)
        again += of_halves.part(i).text();
    FUZZ_REQUIRE(again == frame);

    const decode_result r = f.decode(frame, l);
    FUZZ_REQUIRE(r.status() == outcome::frame);
    FUZZ_REQUIRE(r.size() == frame.size());
    const byte_view received = byte_view(frame).subspan(r.header(), r.payload());
    FUZZ_REQUIRE(detail::restored(f, bytes(received)) == payload);
    return {};
}

/// `reference(bytes, limits, result)` checks what was decoded of those bytes alone.
template <class Make, class Reference>
void check_results(Make make, byte_view input, const limits& l, Reference reference)
{
    for (std::size_t n = 0; n < std::min<std::size_t>(input.size(), 20); ++n) {
        const exact_copy beginning(input.first(n));
        reference(beginning.view(), l, make().decode(beginning.view(), l));
    }
    const std::vector<decode_result> whole = decode_whole(make(), input, l, reference);
    // Once what is needed and sometimes a little more, once at random.
    std::minstd_rand random = random_from(input);
    const std::size_t little = 1 + input.size() / 16;
    const std::size_t longest = 1 + random() % (8 + input.size() / 8);
    decode_pieces(make(), input, l, reference, whole, [&](std::size_t needed) {
        return random() % 4 == 0 || needed < input.size() / 256 ? needed + random() % little : needed;
    });
    decode_pieces(make(), input, l, reference, whole, [&](std::size_t) { return 1 + random() % longest; });
}

/// `make()` is a framing as it is for a new stream, `reference(bytes, limits)` the answer for those bytes.
template <class Make, class Reference>
void check_framing(Make make, byte_view input, const limits& l, Reference reference)
{
    check_results(make, input, l,
                  [&](byte_view in, const limits& with, const decode_result& r) { reference(in, with).check(r); });
}

/// A framing with its length in front, which `header` reads, under several limits.
template <class Framing, class Header>
void check_decoder(byte_view input, Header header)
{
    const auto make = [] { return Framing(); };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX}) {
        check_framing(make, input, limits(most),
                      [&](byte_view in, const limits& l) { return answer_for(header(in), in, l); });
    }
    // What we send is never longer than what we understood.
    const decode_result r = make().decode(input, no_limits);
    if (r.status() == outcome::frame) {
        const byte_view payload = input.subspan(r.header(), r.payload());
        encoded e;
        FUZZ_REQUIRE(!make().encode(std::span(&payload, 1), no_limits, e));
        FUZZ_REQUIRE(e.size() <= r.size());
        FUZZ_REQUIRE(!round_trip(make(), payload, no_limits));
    }
}

} // namespace ferrule::test
