// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/json.hpp>
#include <ferrule/python/pickle.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

#include <boost/json/serialize.hpp>

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
