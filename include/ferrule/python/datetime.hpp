// Python's datetime as C++ time.
#pragma once

#include <ferrule/python/convert.hpp>

#include <chrono>
#include <ratio>
#include <string>
#include <utility>

namespace ferrule::python {

// The types have constructors because aggregates are not safe in every call; see <ferrule/asio.hpp>.

using microseconds = std::chrono::duration<std::int64_t, std::micro>;

/// `datetime.time`: a time of day.
struct time {
    time() = default;
    explicit time(microseconds since) : since_midnight(since) {}
    time(microseconds since, bool second, value zone = {})
        : since_midnight(since),
          fold(second),
          tzinfo(std::move(zone))
    {
    }

    microseconds since_midnight{}; // from 0 to less than 24 h
    bool fold = false;             // the second of two equal times when clocks go back (PEP 495)
    value tzinfo;                  // None if naive

    friend bool operator==(const time&, const time&) = default;
};

/// `datetime.datetime`: a date and a time, in the zone of `time.tzinfo`.
struct datetime {
    datetime() = default;
    datetime(std::chrono::year_month_day d, python::time t) : date(d), time(std::move(t)) {}

    std::chrono::year_month_day date{}; // years 1 to 9999
    python::time time;

    friend bool operator==(const datetime&, const datetime&) = default;
};

/// `datetime.timezone`: a fixed offset from UTC.
struct timezone {
    timezone() = default;
    explicit timezone(microseconds o) : offset(o) {}
    timezone(microseconds o, std::string n) : offset(o), name(std::move(n)) {}

    microseconds offset{}; // less than 24 h in either direction
    std::string name;      // empty: Python derives a name from the offset

    friend bool operator==(const timezone&, const timezone&) = default;
};

/// The offset from UTC of a `tzinfo`. It is known for `datetime.timezone`, and for zones of any class that are named
/// "UTC" or "Etc/UTC". Other zones depend on rules and dates, and a pickle holds only their name.
/// Throws: `frame_error` (`errc::invalid_value`) for other zones and for None.
[[nodiscard]] FERRULE_FRAMING_EXPORT microseconds utc_offset(const value& tzinfo);

/// The converters below throw `frame_error` (`errc::invalid_value`) for values of other types and for impossible
/// values, such as February 30. They throw `usage_error` (`errc::invalid_argument`) for values that Python cannot
/// represent.
template <>
struct FERRULE_FRAMING_EXPORT converter<microseconds> { // timedelta, at most 292,000 years
    static value from(microseconds d);
    static microseconds to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<std::chrono::year_month_day> { // date
    static value from(std::chrono::year_month_day d);
    static std::chrono::year_month_day to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<time> {
    static value from(const time& t);
    static time to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<datetime> {
    static value from(const datetime& t);
    static datetime to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<timezone> {
    static value from(const timezone& z);
    static timezone to(const value& v);
};

/// A timedelta in another unit. Fractions of the unit are cut off towards zero.
template <class Rep, class Period>
struct converter<std::chrono::duration<Rep, Period>> {
    using duration = std::chrono::duration<Rep, Period>;
    static value from(duration d) { return converter<microseconds>::from(std::chrono::duration_cast<microseconds>(d)); }
    static duration to(const value& v) { return std::chrono::duration_cast<duration>(converter<microseconds>::to(v)); }
};

/// A point in time, sent as a datetime in UTC with microseconds. A received datetime must have a `tzinfo` that
/// `utc_offset` knows.
template <class Duration>
struct converter<std::chrono::sys_time<Duration>> {
    static value from(std::chrono::sys_time<Duration> t)
    {
        const auto since = std::chrono::floor<microseconds>(t);
        const auto day = std::chrono::floor<std::chrono::days>(since);
        return converter<datetime>::from(
            {std::chrono::year_month_day(day), {since - day, false, converter<timezone>::from({})}});
    }
    static std::chrono::sys_time<Duration> to(const value& v)
    {
        const datetime t = converter<datetime>::to(v);
        const std::chrono::sys_time<microseconds> since =
            std::chrono::sys_days(t.date) + t.time.since_midnight - utc_offset(t.time.tzinfo);
        return std::chrono::floor<Duration>(since);
    }
};

} // namespace ferrule::python
