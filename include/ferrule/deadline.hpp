// Deadlines and timeouts.
#pragma once

#include <chrono>
#include <stop_token>
#include <utility>

namespace ferrule {

/// An absolute point in time that bounds a whole call: the wait for the lock, connecting, sending and receiving.
///
/// Converts from a duration, which counts from now, and from a time point of any clock. A duration of zero or less
/// means "only if possible immediately". The default is `never()`; a duration too long to be represented means the
/// same.
class deadline {
public:
    using clock = std::chrono::steady_clock;

    constexpr deadline() noexcept = default;

    template <class Rep, class Period>
    deadline(std::chrono::duration<Rep, Period> from_now)
    {
        if (from_now <= std::chrono::duration<Rep, Period>::zero())
            at_ = immediately;
        else
            at_ = represent(wide(from_now) + wide(clock::now().time_since_epoch()));
    }

    template <class Duration>
    deadline(std::chrono::time_point<clock, Duration> at) : at_(represent(wide(at.time_since_epoch())))
    {
    }

    /// Converts a time point of another clock once, now. Later adjustments of that clock have no effect.
    template <class Clock, class Duration>
    deadline(std::chrono::time_point<Clock, Duration> at)
        : deadline(wide(at.time_since_epoch()) - wide(Clock::now().time_since_epoch()))
    {
    }

    /// No deadline.
    [[nodiscard]] static constexpr deadline never() noexcept { return {}; }
    /// Only what is possible without waiting.
    [[nodiscard]] static constexpr deadline now() noexcept
    {
        deadline d;
        d.at_ = immediately;
        return d;
    }

    [[nodiscard]] constexpr bool is_never() const noexcept { return at_ == clock::time_point::max(); }
    [[nodiscard]] constexpr bool is_now() const noexcept { return at_ == immediately; }
    [[nodiscard]] bool expired() const noexcept { return !is_never() && (is_now() || clock::now() >= at_); }
    [[nodiscard]] constexpr clock::time_point at() const noexcept { return at_; }

    friend constexpr auto operator<=>(const deadline&, const deadline&) noexcept = default;

private:
    // Durations of other clocks and units may not fit in ours, so they are compared in this type first.
    using wide = std::chrono::duration<long double, clock::period>;

    static constexpr clock::time_point immediately = clock::time_point::min();

    static clock::time_point represent(wide since_epoch)
    {
        constexpr clock::time_point last = clock::time_point::max() - std::chrono::hours(1);
        if (since_epoch >= wide(last.time_since_epoch()))
            return clock::time_point::max();
        if (since_epoch <= wide(immediately.time_since_epoch()))
            return immediately;
        return clock::time_point(std::chrono::ceil<clock::duration>(since_epoch));
    }

    clock::time_point at_ = clock::time_point::max();
};

/// How long a call may wait: until a deadline, until a stop is requested, or until the earlier of both.
///
///     reader.recv(100);                         // no timeout
///     reader.recv(100, 2s);                     // two seconds
///     reader.recv(100, stop);                   // until a stop is requested
///     reader.recv(100, until(2s, stop));        // either
class until {
public:
    until() noexcept = default;
    until(ferrule::deadline d, std::stop_token stop = {}) noexcept : deadline_(d), stop_(std::move(stop)) {}
    until(std::stop_token stop) noexcept : stop_(std::move(stop)) {}
    template <class Rep, class Period>
    until(std::chrono::duration<Rep, Period> from_now, std::stop_token stop = {})
        : deadline_(from_now),
          stop_(std::move(stop))
    {
    }
    template <class Clock, class Duration>
    until(std::chrono::time_point<Clock, Duration> at, std::stop_token stop = {})
        : deadline_(at),
          stop_(std::move(stop))
    {
    }

    [[nodiscard]] const ferrule::deadline& deadline() const noexcept { return deadline_; }
    [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }

private:
    ferrule::deadline deadline_;
    std::stop_token stop_;
};

} // namespace ferrule
