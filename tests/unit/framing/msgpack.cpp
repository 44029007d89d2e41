#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/msgpack.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

namespace {

struct engine {
    std::string name = "none";
    std::optional<double> power;
    bool operator==(const engine&) const = default;
};
struct car {
    int wheels = 4;
    engine motor;
    std::vector<std::string> owners;
    std::map<std::string, double> prices;
    std::tuple<int, bool> pair;
    bool operator==(const car&) const = default;
};
struct with_macro {
    int a = 0;
    std::string b;
    MSGPACK_DEFINE_MAP(a, b)
    bool operator==(const with_macro&) const = default;
};
struct request {
    std::string method;
    ferrule::msgpack_object params; // of any shape
    bool operator==(const request&) const = default;
};
struct array_macro {
    int a = 0;
    car inside; // without macros
    MSGPACK_DEFINE(a, inside)
    bool operator==(const array_macro&) const = default;
};

} // namespace

using outcome = decode_status;

static_assert(typed_framing<msgpack_messages<>>);
static_assert(typed_framing<framed<length_prefix<u32>, msgpack_codec<std::vector<int>>>>);

namespace {

template <class T>
T loaded(std::string_view hex)
{
    const std::string text = from_hex(hex);
    msgpack_messages<T> f;
    const decode_result r = f.decode(text, limits());
    REQUIRE(r.status() == outcome::frame);
    REQUIRE(r.size() == text.size());
    return f.load(bytes(byte_view(text)));
}

template <class T>
std::string hex_of(const T& value)
{
    encoded e;
    REQUIRE(!msgpack_messages<T>().encode(value, limits(), e));
    return to_hex(flat(e));
}

} // namespace

TEST_CASE("msgpack: values of every kind keep the contract")
{
    using ferrule::testing::check_framing;
    check_framing(msgpack_messages<int>(), {0, 127, 128, -1, -32, -33, 70000, -2147483647});
    check_framing(msgpack_messages<std::string>(), {"", "hello", std::string(31, 'x'), std::string(32, 'x'),
                                                    std::string(256, 'x'), std::string(70'000, 'x')});
    check_framing(msgpack_messages<std::vector<std::optional<int>>>(), {{}, {1, std::nullopt, 3}, {70'000, 5}});
    const car small{3, {"steam", 5.5}, {"ann", "bob"}, {{"new", 1e6}}, {7, true}};
    check_framing(msgpack_messages<car>(), {car(), small});
    check_framing(msgpack_messages<with_macro>(), {{}, {1, "b"}});
    check_framing(msgpack_messages<array_macro>(), {{}, {1, small}});
    check_framing(msgpack_messages<>(), {msgpack_object(), msgpack_object(small), msgpack_object(1)});
    check_framing(framed<length_prefix<u16>, msgpack_codec<car>>(), {car(), small});
    check_framing(msgpack_messages<request>(), {{"empty", {}}, {"drive", small}, {"add", std::vector{1, 2}}});
    check_framing(msgpack_messages<std::vector<msgpack_object>>(), {{}, {msgpack_object(""), msgpack_object(small)}});
}

TEST_CASE("msgpack: every form of a number is the same number")
{
    for (const char* hex : {"05", "CC05", "CD0005", "CE00000005", "CF0000000000000005", "D005", "D10005", "D200000005",
                            "D30000000000000005"}) {
        CAPTURE(hex);
        CHECK(loaded<int>(hex) == 5);
        CHECK(loaded<std::uint64_t>(hex) == 5);
        CHECK(loaded<std::int8_t>(hex) == 5);
        CHECK(loaded<double>(hex) == 5.0);
        CHECK(loaded<msgpack_object>(hex) == msgpack_object(5));
    }
    for (const char* hex : {"FF", "D0FF", "D1FFFF", "D2FFFFFFFF", "D3FFFFFFFFFFFFFFFF"}) {
        CAPTURE(hex);
        CHECK(loaded<int>(hex) == -1);
        CHECK(loaded<msgpack_object>(hex) == msgpack_object(-1));
    }
    CHECK(loaded<double>("CA3FC00000") == 1.5);
    CHECK(loaded<double>("CB3FF8000000000000") == 1.5);
    CHECK(loaded<std::uint64_t>("CFFFFFFFFFFFFFFFFF") == UINT64_MAX);
    CHECK(loaded<std::int64_t>("D38000000000000000") == INT64_MIN);
}

TEST_CASE("msgpack: every form of text, bytes, extension and container is the same value")
{
    for (const char* hex : {"A161", "D90161", "DA000161", "DB0000000161"})
        CHECK(loaded<std::string>(hex) == "a");
    for (const char* hex : {"C40161", "C5000161", "C60000000161"})
        CHECK(loaded<std::vector<char>>(hex) == std::vector<char>{'a'});
    for (const char* hex : {"D40561", "C7010561", "C800010561", "C9000000010561"}) {
        const msgpack_object o = loaded<msgpack_object>(hex);
        REQUIRE(o->type == ::msgpack::type::EXT);
        CHECK(o->via.ext.type() == 5);
        CHECK(o->via.ext.size == 1);
        CHECK(o->via.ext.data()[0] == 'a');
    }
    for (const char* hex : {"D6FF00000000", "D7FF0000000000000000"})
        CHECK(loaded<msgpack_object>(hex)->via.ext.type() == -1); // a timestamp
    CHECK(loaded<msgpack_object>("D80070707070707070707070707070707070")->via.ext.size == 16);
    for (const char* hex : {"920102", "DC00020102", "DD000000020102"})
        CHECK(loaded<std::vector<int>>(hex) == std::vector{1, 2});
    for (const char* hex : {"81A16101", "DE0001A16101", "DF00000001A16101"})
        CHECK(loaded<std::map<std::string, int>>(hex) == std::map<std::string, int>{{"a", 1}});
    CHECK(loaded<std::optional<int>>("C0") == std::nullopt);
    CHECK(loaded<bool>("C3"));
}

TEST_CASE("msgpack: plain structs are maps with the names of their fields")
{
    CHECK(hex_of(2.0) == "cb4000000000000000"); // stays a float
    CHECK(hex_of(2.0f) == "ca40000000");
    CHECK(hex_of(engine{"e", 1.5}) == to_hex(from_hex("82 A46E616D65 A165 A5706F776572 CB3FF8000000000000")));
    // In any order; what is unknown is ignored, what is missing keeps its default.
    CHECK(loaded<engine>("83 A5706F776572 01 A178 C0 A46E616D65 A165") == engine{"e", 1.0});
    CHECK(loaded<engine>("80") == engine{"none", std::nullopt});
    CHECK(loaded<engine>("82 05 05 A5706F776572 C0") == engine{"none", std::nullopt});
}

TEST_CASE("msgpack: a value of another type is reported, shown, and taken off")
{
    auto [a, b] = socketpair(msgpack_messages<engine>());
    auto out = a.with(msgpack_messages<std::vector<int>>());
    out.send({1, 2, 3});
    a.send({"next", 2.0});
    try {
        (void)b.recv();
        FAIL("an array is no engine");
    } catch (const frame_error& e) {
        CHECK(e.code() == errc::invalid_value);
        CHECK(to_hex(e.data()) == "93010203");
    }
    CHECK(b.recv().name == "next");
    out.send({1});
    error_code ec;
    (void)b.recv({}, ec);
    CHECK(ec == errc::invalid_value);
    CHECK(ec == condition::bad_frame);
}

TEST_CASE("msgpack: in another framing the payload is one object, and what it announces is there")
{
    using typed = framed<length_prefix<u32>, msgpack_codec<>>;
    for (const char* hex : {"", "C1", "0101", "DDFFFFFFFF", "DD7FFFFFFF00", "DFFFFFFFFF", "DBFFFFFFFF61", "91"}) {
        CAPTURE(hex);
        try {
            (void)typed().load(bytes(byte_view(from_hex(hex))));
            FAIL("accepted");
        } catch (const frame_error& e) {
            CHECK(e.code() == errc::invalid_value);
        }
    }
}

TEST_CASE("msgpack: depth and number of objects are limited, inclusive")
{
    const auto nested = [](std::size_t depth) {
        std::string s(depth, '\x91');
        s += '\x90';
        return s;
    };
    const auto error = [](msgpack_bytes f, std::string_view text) { return f.decode(text, limits()).error(); };
    CHECK(error(msgpack_bytes(), nested(512)) == error_code());
    CHECK(error(msgpack_bytes(), nested(513)) == errc::too_large);
    CHECK(error(msgpack_bytes(2), from_hex("919190")) == error_code());
    CHECK(error(msgpack_bytes(2), from_hex("91919190")) == errc::too_large);
    CHECK(error(msgpack_bytes(9, 4), from_hex("93010203")) == error_code());
    CHECK(error(msgpack_bytes(9, 3), from_hex("93010203")) == errc::too_large);
    // Siblings are not deeper than one of them.
    CHECK(error(msgpack_bytes(2), from_hex("93910191029103")) == error_code());
}

TEST_CASE("msgpack: anything but one object is not sent")
{
    const auto refusal = [](std::vector<std::string> parts, const limits& l = {}) {
        const std::vector<byte_view> views(parts.begin(), parts.end());
        encoded e;
        const error_code ec = msgpack_bytes().encode(views, l, e);
        CHECK((!ec || e.size() == 0));
        return ec;
    };
    CHECK(refusal({}) == errc::unencodable);
    CHECK(refusal({""}) == errc::unencodable);
    CHECK(refusal({from_hex("C1")}) == errc::unencodable);
    CHECK(refusal({from_hex("0102")}) == errc::unencodable);
    CHECK(refusal({from_hex("9201")}) == errc::unencodable);
    CHECK(refusal({from_hex("92"), from_hex("01"), from_hex("02")}) == error_code());
    CHECK(refusal({from_hex("920102")}, limits(2)) == errc::too_large);
    std::string deep(600, '\x91');
    deep += '\x90';
    CHECK(refusal({deep}) == errc::too_large);
}

TEST_CASE("msgpack: objects share their memory, and outlive what they came from")
{
    msgpack_object copy;
    CHECK(copy->is_nil());
    {
        const msgpack_object o(std::map<std::string, std::string>{{"key", std::string(100, 'v')}});
        copy = o;
    }
    CHECK(copy.as<std::map<std::string, std::string>>().at("key") == std::string(100, 'v'));
    CHECK_THROWS_AS(copy.as<int>(), ::msgpack::type_error);
    CHECK(msgpack_object("") == msgpack_object(std::string()));
    CHECK_FALSE(msgpack_object("") == msgpack_object("x"));
    CHECK(msgpack_object(::timespec{1, 2})->type == ::msgpack::type::EXT); // a timestamp
}
