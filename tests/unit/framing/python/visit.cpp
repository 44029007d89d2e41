// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/visit.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

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
