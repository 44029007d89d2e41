// What is no value of Python's types, or cannot become one, is reported; the rest is in tests/integration/python_types.cpp.
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>

#include "support/python_values.hpp"
#include "support/test.hpp"

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
