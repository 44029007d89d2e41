// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/json.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/pickle.hpp>
#include <ferrule/python/standard.hpp>
#include <ferrule/python/time.hpp>
#include <ferrule/python/visit.hpp>

#include "support/calls.hpp"
#include "support/catch.hpp"

#include <boost/json/serialize.hpp>

#include <limits>

using namespace ferrule;
using ferrule::test::code_of;
using namespace std::chrono_literals;
namespace py = ferrule::python;

namespace {

template <class T>
error_code refusal(const py::value& v)
{
    return code_of([&] { return py::to<T>(v); });
}

py::value raw(std::string_view s)
{
    return {py::type::bytes, s};
}

py::value dtype(std::string_view code, std::string_view order)
{
    // As numpy pickles it, of which the state comes by BUILD: only a pickle can say so.
    bytes out;
    REQUIRE(!py::dumps(py::value(code, py::value(3, order, nullptr, nullptr, nullptr, -1, -1, 0)), out));
    std::string text(out.text().substr(2));
    const std::size_t split = text.find("(K\x03");
    REQUIRE(split != text.npos);
    text = "\x80\x04\x8c\x05numpy\x8c\x05"
           "dtype\x93" +
           text.substr(0, split) + "\x89\x88\x87R" + text.substr(split, text.size() - split - 2) + "b.";
    return py::loads(bytes(byte_view(text)));
}

py::value scalar(const py::value& d, std::string_view data)
{
    return py::value::object("numpy.core.multiarray", "scalar", {d, raw(data)});
}

struct point {
    int x = 0;
    int y = 0;
};
enum class small : signed char { one = 1 };

} // namespace

template <>
struct ferrule::python::converter<point> : ferrule::python::instance<point, "m", "Point"> {};
template <>
struct ferrule::python::converter<small>
    : ferrule::python::enumeration<small, "m", "Small", ferrule::python::member<"ONE", small::one>> {};

TEST_CASE("python types: times that Python does not have are refused, in both directions")
{
    using namespace std::chrono;
    const auto date = [](std::string_view s) { return py::value::object("datetime", "date", {raw(s)}); };
    CHECK(py::to<year_month_day>(date({"\x07\xe8\x02\x1d", 4})) == 2024y / 2 / 29);
    CHECK(refusal<year_month_day>(date({"\x07\xe7\x02\x1d", 4})) == errc::invalid_value); // no leap year
    CHECK(refusal<year_month_day>(date({"\x00\x00\x01\x01", 4})) == errc::invalid_value);
    CHECK(refusal<year_month_day>(date({"\x07\xe8\x82\x1d", 4})) == errc::invalid_value); // a date has no fold
    CHECK(refusal<year_month_day>(date("abc")) == errc::invalid_value);
    CHECK(refusal<year_month_day>(5) == errc::invalid_value);
    CHECK(refusal<year_month_day>(py::value::object("datetime", "date", {2024, 2, 29})) == errc::invalid_value);
    CHECK(code_of([] { return py::from(2023y / 2 / 29); }) == errc::invalid_argument);
    CHECK(code_of([] { return py::from(year(10000) / 1 / 1); }) == errc::invalid_argument);

    const auto time = [](std::string_view s) { return py::value::object("datetime", "time", {raw(s)}); };
    CHECK(py::to<py::time>(time({"\x97\x00\x00\x00\x00\x01", 6})) == py::time{23h + 1us, true, {}});
    CHECK(refusal<py::time>(time({"\x18\x00\x00\x00\x00\x00", 6})) == errc::invalid_value);
    CHECK(refusal<py::time>(time({"\x00\x3c\x00\x00\x00\x00", 6})) == errc::invalid_value);
    CHECK(refusal<py::time>(time({"\x00\x00\x00\x0f\x42\x40", 6})) == errc::invalid_value);
    CHECK(code_of([] { return py::from(py::time{24h, false, {}}); }) == errc::invalid_argument);
    CHECK(code_of([] { return py::from(py::time{-1us, false, {}}); }) == errc::invalid_argument);

    const auto delta = [](std::int64_t d, int s, int us) {
        return py::value::object("datetime", "timedelta", {d, s, us});
    };
    CHECK(py::to<seconds>(delta(-1, 86399, 999'999)) == 0s);
    CHECK(py::to<microseconds>(delta(100'000'000, 0, 0)) == days(100'000'000));
    CHECK(refusal<microseconds>(delta(999'999'999, 0, 0)) == errc::invalid_value);
    CHECK(refusal<microseconds>(delta(0, 86'400, 0)) == errc::invalid_value);
    CHECK(refusal<microseconds>(delta(0, 0, -1)) == errc::invalid_value);

    // Whether it is a point in time depends on the zone.
    const py::datetime naive{2024y / 1 / 1, {}};
    CHECK(refusal<sys_seconds>(py::from(naive)) == errc::invalid_value);
    py::datetime zoned = naive;
    zoned.time.tzinfo = py::value::object("zoneinfo", "ZoneInfo", {"UTC"});
    CHECK(py::to<sys_seconds>(py::from(zoned)) == sys_days(2024y / 1 / 1));
    zoned.time.tzinfo = py::value::object("zoneinfo", "ZoneInfo", {"Europe/Berlin"});
    CHECK(refusal<sys_seconds>(py::from(zoned)) == errc::invalid_value);
    CHECK(code_of([] { return py::from(py::timezone{24h, {}}); }) == errc::invalid_argument);
    CHECK(refusal<py::timezone>(py::value::object("datetime", "timezone", {delta(1, 0, 0)})) == errc::invalid_value);
}

TEST_CASE("python types: numbers, identifiers and paths that are none are refused")
{
    for (const char* text : {"", ".", "1.2.3", "e5", "1e", "1_000", " 1", "nan1x", "infinite", "+-1", "0x10"}) {
        INFO(text);
        CHECK(code_of([&] { return py::from(py::decimal{text}); }) == errc::invalid_argument);
        CHECK(refusal<py::decimal>(py::value::object("decimal", "Decimal", {text})) == errc::invalid_value);
    }
    CHECK(py::to<py::decimal>(py::value::object("decimal", "Decimal", {"-.5E-10"})).text == "-.5E-10");
    CHECK(refusal<boost::uuids::uuid>(py::value::object("uuid", "UUID", {})) == errc::invalid_value);
    CHECK(refusal<std::filesystem::path>("text") == errc::invalid_value);
    CHECK(refusal<std::filesystem::path>(py::value::object("pathlib", "Path", {1})) == errc::invalid_value);
    CHECK(py::to<std::filesystem::path>(py::value::object("pathlib._local", "PosixPath", {"/a/b"})) == "/a/b");
    CHECK(py::to<std::complex<double>>(2) == std::complex<double>(2, 0));
    CHECK(refusal<std::complex<double>>("2") == errc::invalid_value);
}

TEST_CASE("python types: an instance of another class is refused")
{
    CHECK(py::to<point>(py::from(point{1, 2})).y == 2);
    CHECK(py::from(point{1, 2}).repr() == "m.Point(1, 2)");
    CHECK(refusal<point>(py::value::object("m", "Other", {1, 2})) == errc::invalid_value);
    CHECK(refusal<point>(py::value::object("m", "Point", {1})) == errc::invalid_value);
    CHECK(refusal<point>(py::dict{{"x", 1}}) == errc::invalid_value);
    CHECK(py::to<small>(py::from(small::one)) == small::one);
    CHECK(refusal<small>(py::value::object("m", "Small", {200})) == errc::invalid_value);
    CHECK(refusal<small>(1) == errc::invalid_value);
    const auto by_name = [](std::string_view name) {
        return py::value::object("builtins", "getattr", {py::value::global("m", "Small"), name});
    };
    CHECK(py::to<small>(by_name("ONE")) == small::one);
    CHECK(py::to<small>(py::value::global("m", "Small.ONE")) == small::one);
    CHECK(refusal<small>(by_name("TWO")) == errc::invalid_value);
    CHECK(refusal<small>(by_name("")) == errc::invalid_value);
    CHECK(refusal<small>(py::value::global("m", "Smaller.ONE")) == errc::invalid_value);
    // What Python would import has to be allowed.
    bytes out;
    CHECK(py::dumps(py::from(point{1, 2}), out) == errc::unencodable);
    CHECK(!py::dumps(py::from(point{1, 2}), out, py::globals().allow("m", "Point")));
    CHECK(refusal<py::enum_member>(py::value::global("m", "Small.ONE")) == errc::invalid_value);
    CHECK(code_of([] { return py::exception(py::value(5)); }) == errc::invalid_value);
}

TEST_CASE("python types: arrays that are not what they say are refused")
{
    const std::string one("\0\0\0\0\0\0\xf0\x3f", 8);
    CHECK(py::to<double>(scalar(dtype("f8", "<"), one)) == 1);
    CHECK(py::to<py::ndarray>(scalar(dtype("f8", "<"), one)).dtype().name() == "<f8");
    CHECK(refusal<double>(scalar(dtype("f8", ">"), one)) == errc::invalid_value);
    CHECK(refusal<double>(scalar(dtype("f8", "<"), "short")) == errc::invalid_value);
    CHECK(refusal<double>(scalar(dtype("O8", "|"), one)) == errc::invalid_value);
    CHECK(refusal<double>(scalar(dtype("f99999999999999999999", "<"), one)) == errc::invalid_value);
    CHECK(refusal<int>(scalar(dtype("f8", "<"), one)) == errc::invalid_value);
    CHECK(refusal<bool>(scalar(dtype("b1", "|"), "\x02")) == errc::invalid_value); // reading it would be undefined
    CHECK(refusal<py::ndarray>(py::value::object("numpy.core.multiarray", "scalar", {1, 2})) == errc::invalid_value);
    const auto made = [](const py::value& shape, std::string_view name, std::string_view data) {
        return py::value::object("numpy", "ndarray", {shape, name, raw(data), 0, nullptr, "C"});
    };
    CHECK(py::to<py::ndarray>(made(py::value(1, 2), "<i2", "abcd")).shape() == std::vector<std::size_t>{1, 2});
    CHECK(refusal<py::ndarray>(made(py::value(1, 3), "<i2", "abcd")) == errc::invalid_value);
    CHECK(refusal<py::ndarray>(made(py::value(-1, -2), "<i2", "abcd")) == errc::invalid_value);
    const std::uint64_t half = std::uint64_t{1} << 63;
    CHECK(refusal<py::ndarray>(made(py::value(half, 2), "<i2", "abcd")) == errc::invalid_value);
    CHECK(refusal<py::ndarray>(made(py::value(1, 2), "i2", "abcd")) == errc::invalid_value);
    CHECK(refusal<py::ndarray>(made(py::value(1, 2), "<M8[", "abcd")) == errc::invalid_value);
    CHECK(code_of([] { return py::ndarray({'i', 2, false, {}}, {3}, bytes(byte_view("abcd"))); }) ==
          errc::invalid_argument);
    // The sender decides where in the message the elements are; here they are aligned wherever that was.
    for (std::size_t i = 0; i < 9; ++i) {
        const auto a = py::to<py::ndarray>(py::value(std::string(i, 'x'), scalar(dtype("f8", "<"), one))[1]);
        CHECK(reinterpret_cast<std::uintptr_t>(a.as<double>().data()) % alignof(double) == 0);
    }
}

TEST_CASE("python types: a visitor is called with what is there")
{
    const auto name = [](const py::value& v) {
        struct visitor {
            std::string operator()(std::nullptr_t) { return "none"; }
            std::string operator()(bool) { return "bool"; }
            std::string operator()(std::int64_t) { return "int"; }
            std::string operator()(double) { return "float"; }
            std::string operator()(std::string_view) { return "str"; }
            std::string operator()(byte_view) { return "bytes"; }
            std::string operator()(const py::value& other) { return other.repr(); }
        };
        return py::visit(visitor(), v);
    };
    CHECK(name({}) == "none");
    CHECK(name(true) == "bool");
    CHECK(name(1) == "int");
    CHECK(name(1.5) == "float");
    CHECK(name("s") == "str");
    CHECK(name(raw("s")) == "bytes");
    CHECK(name({py::type::bytearray, "s"}) == "bytes");
    CHECK(name(py::list{1}) == "[1]");
    CHECK(name(py::value::integer("36893488147419103232")) == "36893488147419103232");

    int sum = 0;
    for (const py::value& e : py::elements(py::value(1, 2, 3)))
        sum += e.as<int>();
    CHECK(sum == 6);
    std::string keys;
    for (const auto& [k, v] : py::pairs(py::dict{{"a", 1}, {"b", 2}}))
        keys += k.as<std::string>();
    CHECK(keys == "ab");
    CHECK(code_of([] { return py::elements("text"); }) == errc::invalid_value);
    CHECK(code_of([] { return py::elements(py::dict{}); }) == errc::invalid_value);
    CHECK(code_of([] { return py::elements(py::value::global("m", "n")); }) == errc::invalid_value);
    CHECK(code_of([] { return py::pairs(py::list{}); }) == errc::invalid_value);
}

TEST_CASE("python types: as JSON, all of a value is shown")
{
    const auto json = [](const py::value& v) { return boost::json::serialize(py::to_json(v)); };
    CHECK(json({nullptr, true, -1, 1.5, "x", py::list{1, 2}}) == R"({"$tuple":[null,true,-1,1.5E0,"x",[1,2]]})");
    CHECK(json(py::dict{{"a", py::dict{}}, {"b", 2}}) == R"({"a":{},"b":2})");
    CHECK(json(py::dict{{1, "one"}}) == R"({"$dict":[[1,"one"]]})");
    CHECK(json(py::dict{{"$a", 1}}) == R"({"$dict":[["$a",1]]})");
    CHECK(json(py::set{1}) == R"({"$set":[1]})");
    CHECK(json(py::frozenset{}) == R"({"$frozenset":[]})");
    CHECK(json(raw({"\0\xff", 2})) == R"({"$bytes":"00ff"})");
    CHECK(json({py::type::bytearray, "a"}) == R"({"$bytearray":"61"})");
    CHECK(json(std::numeric_limits<double>::infinity()) == R"({"$float":"inf"})");
    CHECK(json(py::value::integer("36893488147419103232")) == R"({"$int":"36893488147419103232"})");
    CHECK(json("\xed\xa0\x80") == R"({"$str":"'\\ud800'"})");
    CHECK(json(py::value::global("builtins", "len")) == R"({"$global":"builtins.len"})");
    CHECK(json(py::value::object("m", "C", {1})) == R"({"$call":{"$global":"m.C"},"$args":[1]})");
    const std::string_view within_itself("\x80\x04]\x94h\0a.", 8);
    CHECK(json(py::loads(bytes(byte_view(within_itself)))) == R"([{"$cycle":1}])");
    // Shared parts count each time: what would be a million times as long is refused.
    py::value shared = py::list{1};
    for (int i = 0; i < 40; ++i)
        shared = py::list{shared, shared};
    CHECK(code_of([&] { return py::to_json(shared); }) == errc::too_large);
    py::value deep;
    for (int i = 0; i < 200; ++i)
        deep = py::list{deep};
    CHECK_NOTHROW(py::to_json(deep));
    deep = py::list{deep};
    CHECK(code_of([&] { return py::to_json(deep); }) == errc::too_large);

    const boost::json::value plain = {{"a", {1, -2, 2.5, nullptr, true}}, {"b", "text"}};
    CHECK(py::from_json(plain).repr() == "{'a': [1, -2, 2.5, None, True], 'b': 'text'}");
    CHECK(py::to_json(py::from_json(plain)) == plain);
}
