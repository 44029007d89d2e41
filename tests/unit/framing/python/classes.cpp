// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/pickle.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

namespace {

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
