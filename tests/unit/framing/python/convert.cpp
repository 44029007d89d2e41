#include <ferrule/python/convert.hpp>
#include <ferrule/python/pickle.hpp>

#include "support/test.hpp"

namespace {

struct wheel {
    double radius = 0.5;
    bool operator==(const wheel&) const = default;
};
struct car {
    std::string name = "none";
    std::vector<wheel> wheels;
    std::optional<int> year;
    std::map<std::string, std::pair<int, double>> prices;
    std::set<int> tags;
    bool operator==(const car&) const = default;
};

template <class T>
error_code reason(const py::value& v)
{
    try {
        (void)py::to<T>(v);
    } catch (const error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("python convert: C++ values become Python's, and come back")
{
    const car c{"beetle", {{0.3}, {0.4}}, 1966, {{"new", {1, 2.5}}}, {3, 4}};
    const py::value v = py::from(c);
    CHECK(v.repr() == "{'name': 'beetle', 'wheels': [{'radius': 0.3}, {'radius': 0.4}], 'year': 1966, "
                      "'prices': {'new': (1, 2.5)}, 'tags': {3, 4}}");
    CHECK(py::to<car>(v) == c);
    bytes out;
    REQUIRE(!py::dumps(v, out));
    CHECK(py::to<car>(py::loads(std::move(out))) == c);
    CHECK(py::from(std::array{1, 2}).type() == py::type::tuple);
    CHECK(py::to<std::array<int, 2>>(py::list{1, 2}) == std::array{1, 2});
    CHECK(py::from(bytes(byte_view("raw"))).type() == py::type::bytes);
    CHECK(py::to<bytes>(py::value(py::type::bytearray, "raw")) == byte_view("raw"));
    CHECK(py::to<std::vector<std::optional<int>>>(py::value(1, nullptr)) ==
          std::vector<std::optional<int>>{1, std::nullopt});
    CHECK(py::to<py::value>(v) == v);
}

TEST_CASE("python convert: aggregates take what is there")
{
    CHECK(py::to<car>(py::dict{{"year", 1}, {"unknown", py::list{}}, {5, 6}}) == car{"none", {}, 1, {}, {}});
    // An instance of a Python class.
    const py::value instance = py::loads(bytes(byte_view(from_hex("8004"
                                                                  "8c046d6f64758c03436172"
                                                                  "93"
                                                                  "29"
                                                                  "81"
                                                                  "7d"
                                                                  "8c046e616d65"
                                                                  "8c0178"
                                                                  "73"
                                                                  "62"
                                                                  "2e"))));
    CHECK(instance.repr() == "modu.Car().state={'name': 'x'}");
    CHECK(reason<car>(instance) == errc::invalid_value); // it has no wheels
    struct driver {
        std::string name;
        std::optional<int> age;
    };
    CHECK(py::to<driver>(instance).name == "x");
    CHECK_FALSE(py::to<driver>(instance).age);
}

TEST_CASE("python convert: what does not fit is reported")
{
    CHECK(reason<int>("1") == errc::invalid_value);
    CHECK(reason<unsigned char>(256) == errc::invalid_value);
    CHECK(reason<std::vector<int>>(5) == errc::invalid_value);
    CHECK(reason<std::vector<int>>(py::list{1, "two"}) == errc::invalid_value);
    CHECK(reason<std::pair<int, int>>(py::list{1}) == errc::invalid_value);
    CHECK(reason<std::map<int, int>>(py::list{}) == errc::invalid_value);
    CHECK(reason<car>(py::list{}) == errc::invalid_value);
    CHECK(reason<car>(py::dict{{"wheels", py::list{py::dict{{"radius", "big"}}}}}) == errc::invalid_value);
}

TEST_CASE("python convert: no set and no map loses what becomes the same")
{
    const std::int64_t large = (std::int64_t{1} << 53) + 1; // no double is
    CHECK(reason<std::set<double>>(py::set{large, large - 1}) == errc::invalid_value);
    CHECK(reason<std::map<double, int>>(py::dict{{large, 1}, {large - 1, 2}}) == errc::invalid_value);
    CHECK(py::to<std::set<double>>(py::set{large, 1}).size() == 2);
    CHECK(py::to<std::set<int>>(py::list{1, 1, 2}).size() == 2); // it was asked for
    CHECK(py::to<std::multiset<double>>(py::set{large, large - 1}).size() == 2);
}
