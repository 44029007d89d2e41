// msgpack-cxx's own parser is the reference. Input: a stream, see `expanded`.
#include "fuzz/codec.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/msgpack.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

using namespace ferrule;
using test::outcome;

namespace fuzz_msgpack {

struct reading {
    std::string name;
    std::int16_t unit = 0;
    std::vector<double> values;
};

} // namespace fuzz_msgpack

namespace {

// What msgpack-cxx makes of the bytes at the front of a stream, without allocating what they announce.
class parsed : public ::msgpack::null_visitor {
public:
    explicit parsed(byte_view in)
    {
        ::msgpack::parse(in.text().data(), in.size(), size, *this);
        if (what != outcome::frame)
            size = 0;
    }

    outcome what = outcome::frame;
    std::size_t size = 0;
    std::size_t objects = 0;
    std::size_t max_depth = 0; // containers within each other, of those that are not empty

    bool visit_nil() { return one(); }
    bool visit_boolean(bool) { return one(); }
    bool visit_positive_integer(std::uint64_t) { return one(); }
    bool visit_negative_integer(std::int64_t) { return one(); }
    bool visit_float32(float) { return one(); }
    bool visit_float64(double) { return one(); }
    bool visit_str(const char*, std::uint32_t) { return one(); }
    bool visit_bin(const char*, std::uint32_t) { return one(); }
    bool visit_ext(const char*, std::uint32_t) { return one(); }
    bool start_array(std::uint32_t n) { return open(n); }
    bool start_map(std::uint32_t n) { return open(n); }
    bool end_array() { return close(); }
    bool end_map() { return close(); }
    void parse_error(std::size_t, std::size_t) { what = outcome::failed; }
    void insufficient_bytes(std::size_t, std::size_t) { what = outcome::need_more; }

private:
    bool one()
    {
        ++objects;
        return true;
    }
    bool open(std::uint32_t n)
    {
        is_empty_.push_back(n == 0);
        if (n != 0)
            ++depth_;
        max_depth = std::max(max_depth, depth_);
        return one();
    }
    bool close()
    {
        if (!is_empty_.back())
            --depth_;
        is_empty_.pop_back();
        return true;
    }

    std::vector<bool> is_empty_;
    std::size_t depth_ = 0;
};

constexpr std::size_t largest_completion = 4096;
constexpr std::size_t largest_compared = 64 * 1024; // larger ones are here for their depth, and take long

// Zeros are the shortest way to complete an object, whatever is missing: of lengths, of bodies, or elements.
std::string completed(byte_view in, std::size_t zeros)
{
    return std::string(in.text()) + std::string(zeros, '\0');
}

// Without limits, which says what size it will have.
decode_result check_unlimited(byte_view in)
{
    const decode_result r = msgpack_bytes(SIZE_MAX, SIZE_MAX).decode(in, test::no_limits);
    const parsed p(in);
    FUZZ_REQUIRE(r.status() == p.what);
    if (r.status() == outcome::frame)
        FUZZ_REQUIRE(r.header() == 0 && r.trailer() == 0 && r.payload() == p.size);
    else if (r.status() == outcome::failed)
        FUZZ_REQUIRE(r.error() == errc::malformed);
    else if (r.needed() <= largest_completion) {
        FUZZ_REQUIRE(parsed(completed(in, r.needed() - 1)).what == outcome::need_more);
        std::string whole = completed(in, r.needed());
        if (parsed(whole).what == outcome::need_more) {
            // Those bytes were the rest of a length, and now it is known.
            const std::size_t missing = msgpack_bytes(SIZE_MAX, SIZE_MAX).decode(whole, test::no_limits).needed();
            if (missing > largest_completion)
                return r;
            whole = completed(whole, missing);
        }
        const parsed p_whole(whole);
        FUZZ_REQUIRE(p_whole.what == outcome::frame && p_whole.size == whole.size());
    }
    return r;
}

class bounds {
public:
    std::size_t max_depth;
    std::size_t most_objects;
    std::size_t max_payload;

    [[nodiscard]] bool hold(const parsed& p) const
    {
        return p.size <= max_payload && p.max_depth <= max_depth && p.objects <= most_objects;
    }
};

void check_stream(byte_view stream, const parsed& p, const bounds& b)
{
    const auto reference = [&](byte_view in, const limits&, const decode_result& r) {
        if (in.size() > largest_compared)
            return;
        const decode_result free = check_unlimited(in);
        if (r.status() == outcome::frame)
            FUZZ_REQUIRE(b.hold(parsed(in)));
        if (r.status() != outcome::failed || r.error() == errc::malformed)
            FUZZ_REQUIRE(test::same(r, free));
        else if (free.status() == outcome::frame)
            FUZZ_REQUIRE(!b.hold(parsed(in)));
        else if (free.status() == outcome::need_more)
            FUZZ_REQUIRE(free.needed() > b.max_payload - std::min(b.max_payload, in.size()) ||
                         !b.hold(parsed(completed(in, std::min(free.needed(), largest_completion)))));
    };
    const auto make = [&] { return msgpack_bytes(b.max_depth, b.most_objects); };
    test::check_results(make, stream, limits(b.max_payload), reference);

    const error_code ec = test::round_trip(make(), stream, limits(b.max_payload));
    if (p.what == outcome::frame && p.size == stream.size())
        FUZZ_REQUIRE(ec == (b.hold(p) ? error_code() : errc::too_large));
    else
        FUZZ_REQUIRE(ec == errc::unencodable || ec == errc::too_large);
}

// To the bit: NaN is NaN here, and zero has a sign.
bool equal(const ::msgpack::object& a, const ::msgpack::object& b)
{
    using namespace ::msgpack::type;
    const auto same_text = [](const auto& x, const auto& y, std::size_t more = 0) {
        return x.size == y.size && std::string_view(x.ptr, x.size + more) == std::string_view(y.ptr, y.size + more);
    };
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case NIL: return true;
    case BOOLEAN: return a.via.boolean == b.via.boolean;
    case POSITIVE_INTEGER:
    case NEGATIVE_INTEGER: return a.via.u64 == b.via.u64;
    case FLOAT32:
    case FLOAT64: return std::bit_cast<std::uint64_t>(a.via.f64) == std::bit_cast<std::uint64_t>(b.via.f64);
    case STR: return same_text(a.via.str, b.via.str);
    case BIN: return same_text(a.via.bin, b.via.bin);
    case EXT: return same_text(a.via.ext, b.via.ext, 1); // with the type
    case ARRAY: return std::equal(begin(a.via.array), end(a.via.array), begin(b.via.array), end(b.via.array), equal);
    case MAP:
        return std::equal(begin(a.via.map), end(a.via.map), begin(b.via.map), end(b.via.map),
                          [](const auto& x, const auto& y) { return equal(x.key, y.key) && equal(x.val, y.val); });
    }
    return false;
}

void check_values(byte_view payload, const parsed& p)
{
    const auto sent = test::check_value(msgpack_codec<>(), payload);
    const bounds defaults{512, std::size_t{1} << 24, SIZE_MAX};
    FUZZ_REQUIRE(sent.has_value() == (p.what == outcome::frame && p.size == payload.size() && defaults.hold(p)));
    if (sent) {
        const ::msgpack::object_handle theirs = ::msgpack::unpack(payload.text().data(), payload.size());
        FUZZ_REQUIRE(equal(*msgpack_codec<>().decode(bytes(payload)), *theirs));
        FUZZ_REQUIRE(equal(*msgpack_codec<>().decode(sent->clone()), *theirs));
        FUZZ_REQUIRE(sent->size() <= payload.size());
    }
    test::check_value(msgpack_codec<std::int64_t>(), payload);
    test::check_value(msgpack_codec<double>(), payload);
    test::check_value(msgpack_codec<std::vector<std::uint8_t>>(), payload);
    test::check_value(msgpack_codec<std::map<std::string, std::int64_t>>(), payload);
    test::check_value(msgpack_codec<std::tuple<bool, std::optional<std::string>, std::vector<char>>>(), payload);
    test::check_value(msgpack_codec<fuzz_msgpack::reading>(), payload);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string input = test::expanded({reinterpret_cast<const std::byte*>(data), size});
    const byte_view stream = input;
    const parsed first(stream);
    check_stream(stream, first, {512, std::size_t{1} << 24, std::size_t{64} << 20});
    check_stream(stream, first, {512, std::size_t{1} << 24, 16});
    check_stream(stream, first, {3, 7, 300});
    if (first.what == outcome::frame)
        check_values(stream.first(first.size), first);
    if (first.size != stream.size())
        check_values(stream, first);
    return 0;
}

namespace {

// An object with all that it announces.
std::string object(test::choices& r, int depth)
{
    const auto sized = [&](char type, std::size_t n, std::size_t bytes) {
        return std::string(1, type) + test::choices::number(n, bytes);
    };
    const auto elements = [&](std::size_t n) {
        std::string all;
        while (n-- > 0)
            all += object(r, depth - 1);
        return all;
    };
    const std::size_t n = r.size();
    const std::size_t few = r.below(5);
    const std::size_t width = r.below(3); // 1, 2 or 4 bytes of length
    switch (r.below(depth > 0 ? 16 : 10)) {
    case 0: return std::string(1, static_cast<char>(r.below(0x80)));
    case 1: return std::string(1, static_cast<char>(0xe0 + r.below(0x20)));
    case 2: return std::string(1, r.one_of(std::string_view("\xc0\xc2\xc3")));
    case 3: return static_cast<char>(0xcc + r.below(4)) + r.bytes(8).substr(0, std::size_t{1} << r.below(4));
    case 4: {
        const std::size_t i = r.below(4);
        return static_cast<char>(0xd0 + i) + r.bytes(std::size_t{1} << i);
    }
    case 5: return r.one_in(2) ? "\xca" + r.bytes(4) : "\xcb" + r.bytes(8);
    case 6: return static_cast<char>(0xa0 + (n & 0x1f)) + r.bytes(n & 0x1f);
    case 7: {
        const std::size_t size = width == 0 ? n & 0xff : n;
        const char type = static_cast<char>((r.one_in(2) ? 0xd9 : 0xc4) + width); // str, bin
        return sized(type, size, std::size_t{1} << width) + r.bytes(size);
    }
    case 8: {
        const std::size_t size = width == 0 ? n & 0xff : n;
        return sized(static_cast<char>(0xc7 + width), size, std::size_t{1} << width) + r.bytes(1 + size);
    }
    case 9: {
        const std::size_t i = r.below(5);
        return static_cast<char>(0xd4 + i) + r.bytes(1 + (std::size_t{1} << i));
    }
    case 10:
    case 11: return static_cast<char>(0x90 + few) + elements(few);
    case 12: return static_cast<char>(0x80 + few) + elements(2 * few);
    case 13: {
        const std::size_t wide = 2 + 2 * r.below(2);
        return sized(wide == 2 ? '\xdc' : '\xdd', few, wide) + elements(few);
    }
    case 14: {
        const std::size_t wide = 2 + 2 * r.below(2);
        return sized(wide == 2 ? '\xde' : '\xdf', few, wide) + elements(2 * few);
    }
    default: return std::string(r.below(20), '\x91') + object(r, 0);
    }
}

} // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0,
                        [](test::choices& r, std::string_view) { return r.perhaps_damaged(object(r, 4)); });
}
