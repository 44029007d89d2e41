#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

#include <cmath>

using namespace ferrule::python;

static_assert(typed_framing<multiprocessing>);

namespace {

std::string pickled(const value& v)
{
    bytes out;
    REQUIRE(!dumps(v, out, globals::any()));
    return std::string(out.text());
}

value there_and_back(const value& v)
{
    return loads(bytes(byte_view(pickled(v))));
}

} // namespace

TEST_CASE("python value: is built from C++ as Python writes it")
{
    const value v{1, "two", list{3.5, nullptr, true}, dict{{"k", tuple{}}, {2, set{1, 2}}}};
    CHECK(v.type() == type::tuple);
    CHECK(v.size() == 4);
    CHECK(v[0].as<int>() == 1);
    CHECK(v[1].as<std::string_view>() == "two");
    CHECK(v[2][0].as<double>() == 3.5);
    CHECK(v[2][1].is_none());
    CHECK(v[2][2].as<bool>());
    CHECK(v[3].at("k").size() == 0);
    CHECK(v[3].at(2)[1] == value(2));
    CHECK(v[3].at(2.0).size() == 2); // 2 == 2.0
    CHECK_FALSE(v[3].find("missing"));
    CHECK(v.repr() == "(1, 'two', [3.5, None, True], {'k': (), 2: {1, 2}})");
    CHECK(there_and_back(v) == v);
    CHECK(value(bytes(byte_view("raw"))).as<byte_view>() == byte_view("raw"));
    CHECK(value(type::bytearray, "raw").repr() == "bytearray(b'raw')");
    CHECK(value::global("datetime", "date").repr() == "datetime.date");
    CHECK(value::object("builtins", "ValueError", {"what"}).repr() == "ValueError('what')");
}

TEST_CASE("python value: a part keeps the whole alive")
{
    value part;
    {
        const value whole{list{value(list{"deep"})}, 1};
        part = whole[0][0][0];
    }
    CHECK(part.as<std::string>() == "deep");
    value nested;
    for (int i = 0; i < 200'000; ++i)
        nested = list{nested};
    nested = value(); // frees them without recursion
}

TEST_CASE("python value: integers of any size keep their value")
{
    for (const char* digits : {"0",
                               "1",
                               "-1",
                               "127",
                               "128",
                               "-128",
                               "-129",
                               "255",
                               "256",
                               "65535",
                               "65536",
                               "2147483647",
                               "2147483648",
                               "-2147483648",
                               "-2147483649",
                               "9223372036854775807",
                               "9223372036854775808",
                               "-9223372036854775808",
                               "-9223372036854775809",
                               "18446744073709551615",
                               "18446744073709551616",
                               "-18446744073709551616",
                               "340282366920938463463374607431768211456",
                               "-340282366920938463463374607431768211457"}) {
        CAPTURE(digits);
        const value v = value::integer(digits);
        CHECK(v.digits() == digits);
        CHECK(v.repr() == digits);
        CHECK(there_and_back(v).digits() == digits);
        CHECK(there_and_back(v) == v);
    }
    CHECK(value(UINT64_MAX).digits() == "18446744073709551615");
    CHECK(value(UINT64_MAX).as<std::uint64_t>() == UINT64_MAX);
    CHECK(value(INT64_MIN).as<std::int64_t>() == INT64_MIN);
    CHECK(code_of([] { return value(300).as<std::uint8_t>(); }) == errc::invalid_value);
    CHECK(code_of([] { return value(-1).as<unsigned>(); }) == errc::invalid_value);
    CHECK(code_of([] { return value(UINT64_MAX).as<std::int64_t>(); }) == errc::invalid_value);
    CHECK(value::integer("36893488147419103232").as<double>() == 36893488147419103232.0);
    CHECK(value::integer("36893488147419103232") == value(36893488147419103232.0));
    for (const char* text : {"", "-", "+", "1x", "0x1", " 1", "1.0"})
        CHECK(code_of([&] { return value::integer(text); }) == errc::invalid_argument);
}

TEST_CASE("python value: repr is Python's")
{
    const std::pair<value, const char*> table[] = {
        {1e16, "1e+16"},
        {1e15, "1000000000000000.0"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {1e300, "1e+300"},
        {0.1, "0.1"},
        {std::nan(""), "nan"},
        {"it's", "\"it's\""},
        {"'\"", "'\\'\"'"},
        {"a\n\t\\\x01\x7f", "'a\\n\\t\\\\\\x01\\x7f'"},
        {"\xc3\xa4", "'\xc3\xa4'"},
        {"\xc2\x85", "'\\x85'"},
        {tuple{1}, "(1,)"},
        {set{}, "set()"},
        {frozenset{1}, "frozenset({1})"},
        {dict{}, "{}"},
        {value(type::bytes, std::string_view("\0'\xff", 3)), "b\"\\x00'\\xff\""}};
    for (const auto& [v, expected] : table)
        CHECK(v.repr() == expected);
    const value self = loads(bytes(byte_view(from_hex("80045d946800612e"))));
    CHECK(self.repr() == "[...]");
    CHECK(value(list(1000, 1)).repr(20) == "[1, 1, 1, 1, 1, 1, 1...");
}

TEST_CASE("python value: equal is what Python says")
{
    CHECK(value(1) == value(true));
    CHECK(value(1) == value(1.0));
    CHECK_FALSE(value(1) == value("1"));
    CHECK_FALSE(value(std::nan("")) == value(std::nan("")));
    CHECK_FALSE(value(list{1}) == value(tuple{1}));
    CHECK(value(set{1, 2, 3}) == value(frozenset{3, 2, 1}));
    CHECK(value(dict{{1, 2}, {3, 4}}) == value(dict{{3, 4}, {1, 2}}));
    CHECK_FALSE(value(dict{{1, 2}}) == value(dict{{1, 3}}));
    CHECK(value(type::bytes, "x") == value(type::bytearray, "x"));
    CHECK_FALSE(value(INT64_MAX) == value(9223372036854775808.0));
    CHECK(value(dict{{1, "a"}, {true, "b"}, {1.0, "c"}}).size() == 1);
    CHECK(value(dict{{1, "a"}, {true, "b"}}).pair(0).second == value("b"));
}

// Whether two objects are equal only their class knows: see "python objects: no set and no dict loses an element".
TEST_CASE("python value: objects are never merged, wherever they are")
{
    const auto node = [] { return value::instance("app", "Node", nullptr); };
    for (const std::size_t n : {2u, 8u, 9u, 100u}) {
        CAPTURE(n);
        std::vector<value> objects;
        for (std::size_t i = 0; i < n; ++i)
            objects.push_back(node());
        set plain;
        set nested;
        dict keys;
        for (const value& o : objects) {
            plain.push_back(o);
            nested.push_back(tuple{o, frozenset{tuple{o}}});
            keys.emplace_back(tuple{1, o}, 1);
        }
        for (const value& v :
             {value(plain), value(nested), value(keys), value(frozenset(nested.begin(), nested.end()))}) {
            CHECK(v.size() == n);
            CHECK(there_and_back(v).size() == n);
        }
        // The same object again is the same key.
        plain.insert(plain.end(), objects.begin(), objects.end());
        nested.emplace_back(tuple{objects[0], frozenset{tuple{objects[0]}}});
        keys.emplace_back(tuple{true, objects[0]}, 2);
        CHECK(value(plain).size() == n);
        CHECK(value(nested).size() == n);
        CHECK(value(keys).size() == n);
        CHECK(value(keys).pair(0).second == value(2));
    }
}

TEST_CASE("python value: an object finds itself, or what alone is like it")
{
    const value one = value::instance("app", "Node", nullptr);
    const value other = value::instance("app", "Node", nullptr);
    const value third = value::instance("app", "Node", nullptr);
    const value date = value::object("datetime", "date", {"x"});
    const value v{list{one, other}, dict{{one, 1}, {tuple{other}, 2}, {other, 3}, {date, 4}}};
    const value d = v[1];
    CHECK(d.at(one) == value(1));
    CHECK(d.at(other) == value(3));
    CHECK(d.at(tuple{other}) == value(2));
    CHECK(d.at(value::object("datetime", "date", {"x"})) == value(4));
    CHECK(code_of([&] { (void)d.find(third); }) == errc::invalid_value);
    CHECK_FALSE(d.find(value::object("datetime", "date", {"y"})));
    const value back = there_and_back(v);
    CHECK(back[1].at(back[0][1]) == value(3));
}

TEST_CASE("python value: as many keys that look alike as the other has")
{
    const auto key = [](int i) { return value::instance("app", "Key", i); };
    CHECK(value(set{key(1), key(1), key(2)}) == value(set{key(2), key(1), key(1)}));
    CHECK_FALSE(value(set{key(1), key(1), key(2)}) == value(set{key(1), key(2), key(2)}));
    CHECK(value(dict{{key(1), 1}, {key(1), 2}}) == value(dict{{key(1), 2}, {key(1), 1}}));
    CHECK_FALSE(value(dict{{key(1), 1}, {key(1), 2}}) == value(dict{{key(1), 1}, {key(1), 1}}));
}

TEST_CASE("python value: what Python could not load is not sent")
{
    CHECK(code_of([] { return value(dict{{list{}, 1}}); }) == errc::unencodable);
    CHECK(code_of([] { return value(set{tuple{1, set{}}}); }) == errc::unencodable);
    CHECK(code_of([] { return value("\xff"); }) == errc::invalid_argument);
    bytes out(byte_view("before"));
    CHECK(dumps(value::global("os", "system"), out) == errc::unencodable);
    CHECK(dumps(list{value::object("os", "system", {"true"})}, out) == errc::unencodable);
    value deep;
    for (int i = 0; i < 1001; ++i)
        deep = list{deep};
    CHECK(dumps(deep, out) == errc::unencodable);
    CHECK(out == byte_view("before"));
    CHECK(dumps(value::global("app", "Thing"), out, globals().allow("app", "Thing")) == error_code());
    CHECK(dumps(value::object("builtins", "ValueError", {"x"}), out) == error_code());
}

TEST_CASE("python value: what occurs more than once is written once")
{
    value doubled = list{1};
    for (int i = 0; i < 60; ++i)
        doubled = list{doubled, doubled};
    const std::string text = pickled(doubled);
    CHECK(text.size() < 1000);
    const value back = loads(bytes(byte_view(text)));
    CHECK(back[0].cell().contents() == back[1].cell().contents());
}

TEST_CASE("python value: data and names that occur more than once are written once")
{
    const std::string large(1000, 'x');
    const std::string digits(1000, '7');
    for (const value& v : {value(large), value(type::bytes, large), value(type::bytearray, large),
                           value::integer(digits), value::global(large, "name"), value::global("module", large)}) {
        const list many(500, v);
        CHECK(pickled(many).size() < 500 * 32 + 1200);
        CHECK(there_and_back(many) == value(many));
        const value other{v, dict{{"a", v}}, v};
        CHECK(there_and_back(other) == other);
    }
}

TEST_CASE("python value: integers of any size are the nearest float, or none")
{
    const auto power = [](int n, const char* add) { // 2 to the n, and something; as LONG1, little-endian
        std::string bits(static_cast<std::size_t>(n) / 8 + 2, '\0');
        bits[static_cast<std::size_t>(n) / 8] = static_cast<char>(1 << n % 8);
        bits[0] = static_cast<char>(bits[0] | add[0]);
        bits[1] = static_cast<char>(bits[1] | add[1]);
        return loads(bytes(byte_view("\x80\x02\x8a" + std::string(1, static_cast<char>(bits.size())) + bits + ".")));
    };
    CHECK(power(64, "\1\0").as<double>() == 0x1p64);
    CHECK(power(64, "\0\x08").as<double>() == 0x1p64);        // halfway: to even
    CHECK(power(64, "\1\x08").as<double>() == 0x1p64 + 4096); // beyond
    CHECK(power(1023, "\1\0").as<double>() == 0x1p1023);
    CHECK(value::integer("-36893488147419103232").as<double>() == -0x1p65);
    CHECK_THROWS_AS(power(1024, "\0\0").as<double>(), frame_error);
    CHECK_THROWS_AS(power(1025, "\1\1").as<double>(), frame_error);
    // What is below 2 to the 1024 by so little that it would be rounded up to it.
    const std::string all_set(128, '\xff');
    const value most = loads(bytes(byte_view("\x80\x02\x8a\x81" + all_set + std::string(1, '\0') + ".")));
    CHECK_THROWS_AS(most.as<double>(), frame_error);
}
