
#include "support/test.hpp"

#include <cmath>
#include <ratio>

using clock_type = deadline::clock;

namespace {

// A clock of its own epoch, which stands where the test puts it.
struct other_clock {
    using duration = std::chrono::milliseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<other_clock>;
    [[maybe_unused]] static constexpr bool is_steady = false;
    static time_point now() { return at; }
    static inline time_point at{5000ms};
};

bool between(const deadline& d, clock_type::time_point from, clock_type::time_point to)
{
    return d.at() >= from && d.at() <= to;
}

} // namespace

TEST_CASE("deadline: by default there is none")
{
    CHECK(deadline().is_never());
    CHECK(deadline::never().is_never());
    CHECK(!deadline().expired());
    CHECK(!deadline().is_now());
    CHECK(deadline() == deadline::never());
}

TEST_CASE("deadline: now has passed already")
{
    CHECK(deadline::now().is_now());
    CHECK(deadline::now().expired());
    CHECK(!deadline::now().is_never());
    CHECK(deadline::now() < deadline::never());
}

TEST_CASE("deadline: zero and negative durations mean now")
{
    CHECK(deadline(0s).is_now());
    CHECK(deadline(-1ns).is_now());
    CHECK(deadline(std::chrono::hours(-24)).is_now());
    CHECK(deadline(std::chrono::hours::min()).is_now());
    CHECK(deadline(clock_type::duration::min()).is_now());
    CHECK(deadline(std::chrono::duration<double>(0.0)).is_now());
    CHECK(deadline(std::chrono::duration<double>(-0.5)).is_now());
}

TEST_CASE("deadline: a duration counts from now")
{
    const auto before = clock_type::now();
    const deadline d(1h);
    const auto after = clock_type::now();
    CHECK(between(d, before + 1h, after + 1h));
    CHECK(!d.expired());
    CHECK(!d.is_now());
    CHECK(!d.is_never());
}

TEST_CASE("deadline: fractions are rounded up, never to nothing")
{
    const auto before = clock_type::now();
    const deadline tiny(std::chrono::duration<double, std::nano>(0.001));
    CHECK(!tiny.is_now());
    CHECK(tiny.at() > before);
    const deadline half(std::chrono::duration<double>(0.5));
    CHECK(between(half, before + 500ms, clock_type::now() + 500ms + 1us));
    const deadline pico(std::chrono::duration<int, std::pico>(1));
    CHECK(!pico.is_now());
}

TEST_CASE("deadline: a duration too long to be represented means never")
{
    CHECK(deadline(std::chrono::hours::max()).is_never());
    CHECK(deadline(std::chrono::minutes::max()).is_never());
    CHECK(deadline(std::chrono::seconds::max()).is_never());
    CHECK(deadline(clock_type::duration::max()).is_never());
    CHECK(deadline(std::chrono::duration<double>(1e300)).is_never());
    CHECK(deadline(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).is_never());
    CHECK(deadline(std::chrono::duration<float, std::ratio<86400 * 365>>(1e6f)).is_never());
}

TEST_CASE("deadline: a very long duration that can be represented is kept")
{
    const auto before = clock_type::now();
    const deadline d(std::chrono::hours(24 * 365 * 100));
    CHECK(!d.is_never());
    CHECK(d.at() >= before + std::chrono::hours(24 * 365 * 100));
    CHECK(!d.expired());
}

TEST_CASE("deadline: a time point is taken as it is")
{
    const auto future = clock_type::now() + 1h;
    CHECK(deadline(future).at() == future);
    CHECK(!deadline(future).expired());
    const auto past = clock_type::now() - 1h;
    CHECK(deadline(past).expired());
    CHECK(deadline(clock_type::now()).expired());
    CHECK(deadline(clock_type::time_point::max()).is_never());
    CHECK(deadline(clock_type::time_point::min()).is_now());
    // Coarser than the clock: rounded up.
    const auto coarse = std::chrono::ceil<std::chrono::minutes>(future);
    CHECK(deadline(coarse).at() == coarse);
}

TEST_CASE("deadline: a time point beyond what the clock can represent means never, or now")
{
    using hours_point = std::chrono::time_point<clock_type, std::chrono::hours>;
    using float_point = std::chrono::time_point<clock_type, std::chrono::duration<double>>;
    CHECK(deadline(hours_point::max()).is_never());
    CHECK(deadline(hours_point::min()).expired());
    CHECK(deadline(float_point(std::chrono::duration<double>(1e300))).is_never());
}

TEST_CASE("deadline: a time point of another clock is converted once")
{
    other_clock::at = other_clock::time_point(5000ms);
    const auto before = clock_type::now();
    const deadline d(other_clock::time_point(65000ms));
    const auto after = clock_type::now();
    CHECK(between(d, before + 1min, after + 1min));
    const auto at = d.at();
    other_clock::at = other_clock::time_point(70000ms); // that clock is set forward: no effect
    CHECK(d.at() == at);
    CHECK(!d.expired());
    CHECK(deadline(other_clock::time_point(70000ms)).is_now());
    CHECK(deadline(other_clock::time_point(69999ms)).is_now());
    CHECK(!deadline(std::chrono::system_clock::now() + 1h).expired());
    CHECK(deadline(std::chrono::system_clock::now() - 1h).expired());
}

TEST_CASE("deadline: the ends of another clock lie in the far future and in the past")
{
    CHECK(!deadline(std::chrono::system_clock::time_point::max()).expired());
    CHECK(deadline(std::chrono::system_clock::time_point::min()).expired());
    other_clock::at = other_clock::time_point(-5000ms); // the distance to its end exceeds what a duration can say
    CHECK(!deadline(other_clock::time_point::max()).expired());
    CHECK(deadline(other_clock::time_point::min()).expired());
}

TEST_CASE("deadline: deadlines are ordered by time")
{
    CHECK(deadline(1h) < deadline(2h));
    CHECK(deadline(2h) < deadline::never());
    CHECK(deadline::now() < deadline(clock_type::now() - 1h));
}

TEST_CASE("until: takes whatever says when to stop")
{
    const std::stop_source source;
    const auto limited = [](const until& u) { return !u.deadline().is_never(); };
    const auto stoppable = [](const until& u) { return u.stop().stop_possible(); };

    CHECK((!limited({}) && !stoppable({})));
    CHECK((limited(1s) && !stoppable(1s)));
    CHECK((limited(clock_type::now()) && !stoppable(clock_type::now())));
    CHECK((!limited(source.get_token()) && stoppable(source.get_token())));
    CHECK((limited({1s, source.get_token()}) && stoppable({1s, source.get_token()})));
    CHECK((limited({std::chrono::system_clock::now(), source.get_token()})));
    CHECK((!limited({deadline::never(), source.get_token()}) && stoppable({deadline::never(), source.get_token()})));
    CHECK(limited(deadline::now()));
    const until zero = 0s;
    CHECK(zero.deadline().is_now());
}
