// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/standard.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

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
