#include <ferrule/python/datetime.hpp>

#include <array>
#include <limits>

// The bytes are those of `_getstate` in Lib/_pydatetime.py.
namespace ferrule::python {
namespace {

using namespace std::chrono;

constexpr std::size_t date_size = 4; // year (two bytes, big-endian), month, day
constexpr std::size_t time_size = 6; // hours, minutes, seconds, microseconds (three bytes, big-endian)
constexpr unsigned fold_bit = 0x80;  // in the first byte of a time, or in the month of a datetime
constexpr microseconds one_day = days(1);

[[noreturn]] void refuse(const char* what)
{
    throw usage_error(errc::invalid_argument, std::string(what));
}

std::byte low_byte(std::int64_t n)
{
    return static_cast<std::byte>(n & 0xff);
}

unsigned at(byte_view b, std::size_t i)
{
    return std::to_integer<unsigned>(b[i]);
}

void put_date(std::byte* out, year_month_day d)
{
    const int y = static_cast<int>(d.year());
    if (!d.ok() || y < 1 || y > 9999)
        refuse("not a date of the years 1 to 9999");
    out[0] = low_byte(y >> 8);
    out[1] = low_byte(y);
    out[2] = low_byte(static_cast<unsigned>(d.month()));
    out[3] = low_byte(static_cast<unsigned>(d.day()));
}

void put_time(std::byte* out, microseconds t)
{
    if (t < microseconds(0) || t >= one_day)
        refuse("not a time of day");
    const hh_mm_ss<microseconds> parts(t);
    const std::int64_t us = parts.subseconds().count();
    out[0] = low_byte(parts.hours().count());
    out[1] = low_byte(parts.minutes().count());
    out[2] = low_byte(parts.seconds().count());
    out[3] = low_byte(us >> 16);
    out[4] = low_byte(us >> 8);
    out[5] = low_byte(us);
}

bool is_good(year_month_day d)
{
    return d.ok() && static_cast<int>(d.year()) >= 1 && static_cast<int>(d.year()) <= 9999;
}

year_month_day get_date(byte_view b)
{
    return year(static_cast<int>(at(b, 0) << 8 | at(b, 1))) / month(at(b, 2) & ~fold_bit) / day(at(b, 3));
}

/// Reads a time. Returns a negative value if it is invalid.
microseconds get_time(byte_view b)
{
    const unsigned h = at(b, 0) & ~fold_bit;
    const unsigned us = at(b, 3) << 16 | at(b, 4) << 8 | at(b, 5);
    if (h > 23 || at(b, 1) > 59 || at(b, 2) > 59 || us > 999'999)
        return microseconds(-1);
    return hours(h) + minutes(at(b, 1)) + seconds(at(b, 2)) + microseconds(us);
}

value make(std::string_view name, byte_view state, const value& tzinfo = {})
{
    tuple args{value(type::bytes, state)};
    if (!tzinfo.is_none())
        args.push_back(tzinfo);
    return value::object("datetime", name, args);
}

/// The state in the arguments of such an object. Empty unless it has `size` bytes and at most a zone follows.
byte_view state_of(const value& v, std::string_view name, std::size_t size)
{
    if (!v.is("datetime", name))
        return {};
    const value args = v.args();
    if (args.size() < 1 || args.size() > 2 || args[0].type() != type::bytes || args[0].size() != size)
        return {};
    return args[0].as<byte_view>();
}

value zone_of(const value& v)
{
    return v.args().size() == 2 ? v.args()[1] : value();
}

} // namespace

microseconds utc_offset(const value& tzinfo)
{
    if (tzinfo.is("datetime", "timezone"))
        return converter<timezone>::to(tzinfo).offset;
    if (tzinfo.type() == type::object && tzinfo.args().size() != 0 && tzinfo.args()[0].type() == type::string) {
        const std::string_view name = tzinfo.args()[0].as<std::string_view>(); // of zoneinfo.ZoneInfo and others
        if (name == "UTC" || name == "Etc/UTC")
            return microseconds(0);
    }
    detail::mismatch(tzinfo, "a time zone with an offset that is always the same");
}

value converter<microseconds>::from(microseconds d)
{
    // Normalised as in Python: only the days may be negative.
    const auto day = floor<days>(d);
    const auto second = floor<seconds>(d - day);
    return value::object("datetime", "timedelta", {day.count(), second.count(), (d - day - second).count()});
}

microseconds converter<microseconds>::to(const value& v)
{
    if (!v.is("datetime", "timedelta") || v.args().size() != 3)
        detail::mismatch(v, "a timedelta");
    const auto day = v.args()[0].as<std::int64_t>();
    const auto second = v.args()[1].as<std::int64_t>();
    const auto micro = v.args()[2].as<std::int64_t>();
    constexpr std::int64_t max_days = std::numeric_limits<std::int64_t>::max() / one_day.count() - 1;
    if (day < -max_days || day > max_days || second < 0 || second >= 86'400 || micro < 0 || micro >= 1'000'000)
        detail::mismatch(v, "a timedelta of at most 292,000 years");
    return days(day) + seconds(second) + microseconds(micro);
}

value converter<year_month_day>::from(year_month_day d)
{
    std::array<std::byte, date_size> state;
    put_date(state.data(), d);
    return make("date", state);
}

year_month_day converter<year_month_day>::to(const value& v)
{
    const byte_view b = state_of(v, "date", date_size);
    if (b.empty() || (at(b, 2) & fold_bit) != 0 || !is_good(get_date(b)))
        detail::mismatch(v, "a date");
    return get_date(b);
}

value converter<time>::from(const time& t)
{
    std::array<std::byte, time_size> state;
    put_time(state.data(), t.since_midnight);
    if (t.fold)
        state[0] |= std::byte(fold_bit);
    return make("time", state, t.tzinfo);
}

time converter<time>::to(const value& v)
{
    const byte_view b = state_of(v, "time", time_size);
    if (b.empty() || get_time(b) < microseconds(0))
        detail::mismatch(v, "a time");
    return {get_time(b), (at(b, 0) & fold_bit) != 0, zone_of(v)};
}

value converter<datetime>::from(const datetime& t)
{
    std::array<std::byte, date_size + time_size> state;
    put_date(state.data(), t.date);
    put_time(state.data() + date_size, t.time.since_midnight);
    if (t.time.fold)
        state[2] |= std::byte(fold_bit);
    return make("datetime", state, t.time.tzinfo);
}

datetime converter<datetime>::to(const value& v)
{
    const byte_view b = state_of(v, "datetime", date_size + time_size);
    if (b.empty() || !is_good(get_date(b)) || (at(b, date_size) & fold_bit) != 0 ||
        get_time(b.subspan(date_size)) < microseconds(0))
        detail::mismatch(v, "a datetime");
    return {get_date(b), {get_time(b.subspan(date_size)), (at(b, 2) & fold_bit) != 0, zone_of(v)}};
}

value converter<timezone>::from(const timezone& z)
{
    if (z.offset <= -one_day || z.offset >= one_day)
        refuse("not an offset from UTC");
    tuple args{converter<microseconds>::from(z.offset)};
    if (!z.name.empty())
        args.push_back(z.name);
    return value::object("datetime", "timezone", args);
}

timezone converter<timezone>::to(const value& v)
{
    if (!v.is("datetime", "timezone") || v.args().size() < 1 || v.args().size() > 2)
        detail::mismatch(v, "a time zone");
    const timezone z{converter<microseconds>::to(v.args()[0]),
                     v.args().size() == 2 ? v.args()[1].as<std::string>() : std::string()};
    if (z.offset <= -one_day || z.offset >= one_day)
        detail::mismatch(v, "a time zone");
    return z;
}

} // namespace ferrule::python
