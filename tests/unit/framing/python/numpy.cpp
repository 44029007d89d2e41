// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/pickle.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

namespace {

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

} // namespace

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
