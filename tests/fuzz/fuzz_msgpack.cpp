// msgpack-cxx's own parser is the reference. Input: a stream, see `expanded`.
#include "fuzz/codec.hpp"

#include <ferrule/framing/msgpack.hpp>

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
    std::size_t deepest = 0; // containers within each other, of those that are not empty

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
        depth_ += n == 0 ? 0 : 1;
        deepest = std::max(deepest, depth_);
        return one();
    }
    bool close()
    {
        depth_ -= is_empty_.back() ? 0 : 1;
        is_empty_.pop_back();
        return true;
    }

    std::vector<bool> is_empty_;
    std::size_t depth_ = 0;
};

constexpr std::size_t largest_completion = 64 * 1024;

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
    FUZZ_REQUIRE(r.what() == p.what);
    if (r.what() == outcome::frame)
        FUZZ_REQUIRE(r.header() == 0 && r.trailer() == 0 && r.payload() == p.size);
    else if (r.what() == outcome::failed)
        FUZZ_REQUIRE(r.error() == errc::malformed);
    else if (r.needed() <= largest_completion) {
        const std::size_t whole = in.size() + r.needed();
        FUZZ_REQUIRE(parsed(completed(in, r.needed() - 1)).what == outcome::need_more);
        const parsed complete(completed(in, r.needed()));
        FUZZ_REQUIRE(complete.what == outcome::frame && complete.size == whole);
    }
    return r;
}

class bounds {
public:
    std::size_t deepest;
    std::size_t most_objects;
    std::size_t max_payload;

    [[nodiscard]] bool hold(const parsed& p) const
    {
        return p.size <= max_payload && p.deepest <= deepest && p.objects <= most_objects;
    }
};

void check_stream(byte_view stream, const bounds& b)
{
    const auto reference = [&](byte_view in, const limits&, const decode_result& r) {
        const decode_result free = check_unlimited(in);
        if (r.what() == outcome::frame)
            FUZZ_REQUIRE(b.hold(parsed(in)));
        if (r.what() != outcome::failed || r.error() == errc::malformed)
            FUZZ_REQUIRE(test::same(r, free));
        else if (free.what() == outcome::frame)
            FUZZ_REQUIRE(!b.hold(parsed(in)));
        else if (free.what() == outcome::need_more && free.needed() <= largest_completion)
            FUZZ_REQUIRE(!b.hold(parsed(completed(in, free.needed()))));
        else if (free.what() == outcome::need_more)
            FUZZ_REQUIRE(free.needed() > b.max_payload);
    };
    const auto make = [&] { return msgpack_bytes(b.deepest, b.most_objects); };
    test::check_results(make, stream, limits(b.max_payload), reference);

    const parsed p(stream);
    const error_code ec = test::round_trip(make(), stream, limits(b.max_payload));
    if (p.what == outcome::frame && p.size == stream.size())
        FUZZ_REQUIRE(ec == (b.hold(p) ? error_code() : errc::too_large));
    else
        FUZZ_REQUIRE(ec == errc::unencodable || ec == errc::too_large);
}

std::string packed(const ::msgpack::object& o)
{
    ::msgpack::sbuffer out;
    ::msgpack::pack(out, o);
    return {out.data(), out.size()};
}

void check_values(byte_view payload)
{
    const auto sent = test::check_value(msgpack_codec<>(), payload);
    const parsed p(payload);
    const bounds defaults{512, std::size_t{1} << 24, SIZE_MAX};
    FUZZ_REQUIRE(sent.has_value() == (p.what == outcome::frame && p.size == payload.size() && defaults.hold(p)));
    if (sent) {
        const ::msgpack::object_handle theirs = ::msgpack::unpack(payload.text().data(), payload.size());
        FUZZ_REQUIRE(packed(theirs.get()) == sent->text());
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
    check_stream(input, {512, std::size_t{1} << 24, std::size_t{64} << 20});
    check_stream(input, {3, 7, 300});
    check_stream(input, {512, std::size_t{1} << 24, 16});
    const byte_view stream = input;
    const parsed first(stream);
    if (first.what == outcome::frame)
        check_values(stream.first(first.size));
    if (first.size != stream.size())
        check_values(stream);
    return 0;
}
