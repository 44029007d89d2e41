#include <ferrule/framing/msgpack_bytes.hpp>

#include "framing/length_prefix.hpp"

#include <array>
#include <string>

namespace ferrule {
namespace {

/// The meaning of the first byte of an object.
class shape {
public:
    std::uint8_t length = 0;   // bytes of the integer that follows: the size of the body, or the number of elements
    std::uint8_t body = 0;     // further bytes behind that, in addition to what `length` announces
    std::uint8_t elements = 0; // elements per unit of the count: 1 for arrays, 2 for maps
    std::uint8_t count = 0;    // the count, if the first byte holds it
    bool is_valid = true;
};

constexpr std::array<shape, 256> make_shapes()
{
    std::array<shape, 256> s{}; // positive and negative fixint, nil, false, true: nothing follows
    for (unsigned i = 0; i < 16; ++i) {
        s[0x80 + i] = {0, 0, 2, static_cast<std::uint8_t>(i)};
        s[0x90 + i] = {0, 0, 1, static_cast<std::uint8_t>(i)};
    }
    for (unsigned i = 0; i < 32; ++i)
        s[0xa0 + i].body = static_cast<std::uint8_t>(i);
    s[0xc1].is_valid = false;
    for (unsigned i = 0; i < 3; ++i) {
        const auto length = static_cast<std::uint8_t>(1u << i);
        s[0xc4 + i] = s[0xd9 + i] = {length}; // bin, str
        s[0xc7 + i] = {length, 1};            // ext, with its type
    }
    for (unsigned i = 0; i < 4; ++i)
        s[0xcc + i].body = s[0xd0 + i].body = static_cast<std::uint8_t>(1u << i); // uint, int
    s[0xca].body = 4;
    s[0xcb].body = 8;
    for (unsigned i = 0; i < 5; ++i)
        s[0xd4 + i].body = static_cast<std::uint8_t>(1 + (1u << i)); // fixext
    s[0xdc] = {2, 0, 1};
    s[0xdd] = {4, 0, 1};
    s[0xde] = {2, 0, 2};
    s[0xdf] = {4, 0, 2};
    return s;
}

constexpr std::array<shape, 256> shapes = make_shapes();

} // namespace

void msgpack_bytes::reset() noexcept
{
    at_ = 0;
    owed_ = 1;
    objects_ = 0;
    open_.clear();
}

decode_result msgpack_bytes::decode(byte_view buffered, const limits& l)
{
    // The compiler must assume that members change with every byte read; locals do not.
    const std::byte* const data = buffered.data();
    const std::uint64_t size = buffered.size();
    std::uint64_t at = at_;
    std::uint64_t owed = owed_;
    std::size_t objects = objects_;
    std::uint64_t missing_here = open_.empty() ? 0 : open_.back(); // in the innermost container

    const auto paused = [&](const decode_result& r) {
        at_ = at;
        owed_ = owed;
        objects_ = objects;
        if (!open_.empty())
            open_.back() = missing_here;
        return r;
    };
    const auto missing = [&](std::uint64_t whole) {
        return paused(decode_result::need_more(static_cast<std::size_t>(whole - size)));
    };
    while (owed != 0) {
        if (at >= size)
            return missing(at + owed);
        const auto first = std::to_integer<std::size_t>(data[at]);
        // Small integers and short strings are common in containers. They need no table lookup, so the processor can
        // predict where the next object begins.
        const bool is_integer = first < 0x80 || first >= 0xe0;
        if ((is_integer || (first & 0xe0) == 0xa0) && missing_here > 1 && objects != max_objects_) {
            const std::uint64_t end = at + 1 + (is_integer ? 0 : first & 0x1f);
            if (end + (owed - 1) > l.max_payload())
                return paused(decode_result::failed(errc::too_large));
            --missing_here;
            --owed;
            ++objects;
            at = end;
            continue;
        }
        const shape& s = shapes[first];
        if (!s.is_valid)
            return paused(decode_result::failed(errc::malformed));
        const std::uint64_t head = at + 1 + s.length;
        if (head > size)
            return missing(head + owed - 1);
        std::uint64_t n = s.count;
        for (std::uint64_t i = at + 1; i < head; ++i)
            n = n << 8 | std::to_integer<std::uint64_t>(data[i]);
        const std::uint64_t elements = n * s.elements;
        const std::uint64_t end = head + s.body + (s.elements == 0 ? n : 0);
        if (end + (owed - 1) + elements > l.max_payload() || objects == max_objects_)
            return paused(decode_result::failed(errc::too_large));
        if (elements != 0) {
            if (open_.size() == max_depth_)
                return paused(decode_result::failed(errc::too_large));
            if (!open_.empty())
                open_.back() = missing_here;
            open_.push_back(elements);
            missing_here = elements;
        } else if (missing_here != 0) {
            while (--missing_here == 0) {
                open_.pop_back();
                if (open_.empty())
                    break;
                missing_here = open_.back();
            }
        }
        at = end;
        owed += elements - 1;
        ++objects;
    }
    if (at > size)
        return missing(at);
    reset();
    return decode_result::frame(0, static_cast<std::size_t>(at));
}

error_code msgpack_bytes::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    std::string joined;
    const decode_result r = msgpack_bytes(max_depth_, max_objects_).decode(detail::in_one_piece(payload, joined), l);
    if (r.status() == decode_status::failed && r.error() == errc::too_large)
        return r.error();
    if (r.status() != decode_status::frame || r.payload() != size)
        return errc::unencodable;
    out.append_view(payload);
    return {};
}

} // namespace ferrule
