#include <ferrule/framing/msgpack_bytes.hpp>

#include "framing/length_prefix.hpp"

#include <array>
#include <string>

namespace ferrule {
namespace {

/// What the first byte of an object says.
class shape {
public:
    std::uint8_t length = 0;   // bytes of an integer that follows: the size of the body, or the number of elements
    std::uint8_t body = 0;     // bytes after that, beyond what `length` says
    std::uint8_t elements = 0; // elements per unit of the count: 1 for arrays, 2 for maps
    std::uint8_t count = 0;    // the count, where it is in the first byte
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

void msgpack_bytes::complete() noexcept
{
    while (!open_.empty() && --open_.back() == 0)
        open_.pop_back();
}

decode_result msgpack_bytes::decode(byte_view buffered, const limits& l)
{
    const auto missing = [&](std::uint64_t more) {
        return decode_result::need_more(static_cast<std::size_t>(more - buffered.size()));
    };
    while (owed_ != 0) {
        if (at_ >= buffered.size())
            return missing(at_ + owed_);
        const shape& s = shapes[std::to_integer<std::size_t>(buffered[at_])];
        if (!s.is_valid)
            return decode_result::failed(errc::malformed);
        const std::uint64_t head = at_ + 1 + s.length;
        if (head > buffered.size())
            return missing(head + owed_ - 1);
        std::uint64_t n = s.count;
        if (s.length != 0)
            n = detail::big_endian(buffered.subspan(at_ + 1, s.length));
        const std::uint64_t elements = n * s.elements;
        const std::uint64_t end = head + s.body + (s.elements == 0 ? n : 0);
        if (end + (owed_ - 1) + elements > l.max_payload() || objects_ == most_objects_)
            return decode_result::failed(errc::too_large);
        if (elements != 0) {
            if (open_.size() == deepest_)
                return decode_result::failed(errc::too_large);
            open_.push_back(elements);
        } else
            complete();
        at_ = end;
        owed_ += elements - 1;
        ++objects_;
    }
    if (at_ > buffered.size())
        return missing(at_);
    const auto size = static_cast<std::size_t>(at_);
    reset();
    return decode_result::frame(0, size);
}

error_code msgpack_bytes::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    std::string joined;
    const decode_result r = msgpack_bytes(deepest_, most_objects_).decode(detail::in_one_piece(payload, joined), l);
    if (r.what() == decode_result::outcome::failed && r.error() == errc::too_large)
        return r.error();
    if (r.what() != decode_result::outcome::frame || r.payload() != size)
        return errc::unencodable;
    out.gather(payload);
    return {};
}

} // namespace ferrule
