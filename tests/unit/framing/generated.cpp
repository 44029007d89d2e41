#include <ferrule/framing/generated.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

using outcome = decode_status;

namespace {

// Any generator, for decoding.
template <class Frames>
class reading {
public:
    using message_type = bytes;

    explicit reading(Frames f) : frames_(f) {}

    frame_reads frames(const arrived& in) const { return frames_(in); }
    error_code encode(std::span<const byte_view>, const limits&, encoded&) const { return errc::unencodable; }

private:
    Frames frames_;
};

template <class Frames>
auto generator(Frames f)
{
    return generated<reading<Frames>>(reading<Frames>(f));
}

// Values: a type byte, a length byte, text; the empty text has no length byte.
struct tagged {
    unsigned char tag = 0;
    std::string text;
    bool operator==(const tagged&) const = default;
};

struct tagged_spec {
    using message_type = tagged;

    frame_reads frames(const arrived& in) const
    {
        co_yield 1;
        if (in[0] == 0)
            co_return decode_result::frame(0, 1);
        co_yield 1;
        const unsigned length = in[1];
        co_yield length;
        if (in.last().size() == length && in.all().text().ends_with("bad"))
            co_return decode_result::failed(errc::malformed);
        co_return decode_result::frame(0, 2 + length);
    }
    error_code encode(const tagged& t, const limits&, encoded& out) const
    {
        if (t.text.size() > 255 || t.text.empty() != (t.tag == 0))
            return errc::unencodable;
        bytes frame;
        frame.append(std::string(1, static_cast<char>(t.tag)));
        if (t.tag != 0)
            frame.append(static_cast<char>(t.text.size()) + t.text);
        out.append_owned(std::move(frame));
        return {};
    }
    tagged load(bytes frame) const
    {
        return {std::to_integer<unsigned char>(frame[0]),
                std::string(frame.text().substr(std::min<std::size_t>(2, frame.size())))};
    }
};

struct prefixed {
    using message_type = bytes;
    frame_reads frames(const arrived& in) const
    {
        co_yield 1;
        co_yield in[0];
        co_return decode_result::frame(1, in[0]);
    }
    error_code encode(std::span<const byte_view> p, const limits& l, encoded& out) const
    {
        return length_prefix<u8>().encode(p, l, out);
    }
};

} // namespace

static_assert(typed_framing<generated<tagged_spec>>);

TEST_CASE("generated: a generator of read sizes keeps the contract, with values too")
{
    ferrule::testing::check_framing(generated<tagged_spec>(),
                                    {{0, ""}, {1, "x"}, {2, std::string(255, 'y')}, {3, "hello"}});
}

TEST_CASE("generated: sizes of zero and below go on at once")
{
    auto f = generator([](const arrived& in) -> frame_reads {
        co_yield 0;
        co_yield -5;
        co_yield 2u;
        CHECK(in.all().size() == 2);
        co_yield std::int64_t{0};
        co_yield 1;
        CHECK(in.last().text() == "c");
        co_yield 0;
        co_return decode_result::frame(1, 1, 1);
    });
    CHECK(f.decode("", limits()).needed() == 2);
    CHECK(f.decode("a", limits()).needed() == 1);
    CHECK(f.decode("ab", limits()).needed() == 1);
    const decode_result r = f.decode("abcd", limits());
    REQUIRE(r.status() == outcome::frame);
    CHECK(r.header() == 1);
    CHECK(r.trailer() == 1);
}

TEST_CASE("generated: what the generator throws passes through, and the frame begins anew")
{
    bool throws = true;
    const auto frames = [&throws](const arrived& in) -> frame_reads {
        co_yield 2;
        if (throws)
            throw std::runtime_error("from the generator");
        co_yield in[1];
        co_return decode_result::frame(2, in.last().size());
    };
    auto [a, b] = socketpair_descriptors();
    writer out(std::move(a));
    message_reader in(reader(std::move(b)), generator(frames));
    out.send(std::string_view("\0\3abc", 5));
    CHECK_THROWS_WITH(in.recv(), "from the generator");
    CHECK_THROWS_WITH(in.try_recv(), "from the generator");
    throws = false;
    CHECK(in.recv() == byte_view("abc"));
}

TEST_CASE("generated: the limit bounds whole frames, before the bytes have come")
{
    auto f = generator([](const arrived& in) -> frame_reads {
        co_yield 1;
        co_yield in[0] == 1 ? std::uint64_t{1000} : UINT64_MAX;
        co_return decode_result::frame(1, 1);
    });
    for (int again = 0; again < 2; ++again) {
        CHECK(f.decode("\xff", limits(SIZE_MAX)).error() == errc::too_large);
        CHECK(f.decode("\1", limits(1000)).error() == errc::too_large);
    }
    const byte_view payload = "12345";
    encoded e;
    CHECK(generated<prefixed>().encode(std::span(&payload, 1), limits(5), e) == errc::too_large);
    encoded fits;
    CHECK(!generated<prefixed>().encode(std::span(&payload, 1), limits(6), fits));
}

TEST_CASE("generated: a frame is no longer than what was asked for, and not empty")
{
    const auto error = [](auto frames) { return generator(frames).decode("abcdef", limits()).error(); };
    CHECK(error([](const arrived&) -> frame_reads {
              co_yield 2;
              co_return decode_result::frame(1, 2);
          }) == errc::framing_failed);
    CHECK(error([](const arrived&) -> frame_reads { co_return decode_result::frame(0, 0); }) == errc::framing_failed);
    CHECK(error([](const arrived&) -> frame_reads { co_return decode_result::need_more(1); }) == errc::framing_failed);
    CHECK(error([](const arrived&) -> frame_reads { co_return decode_result::failed(errc::malformed); }) ==
          errc::malformed);
}
