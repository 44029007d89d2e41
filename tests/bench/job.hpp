// One process's part in measuring a cell.
#pragma once

#include "bench/cell.hpp"

#include <chrono>
#include <cstddef>

namespace ferrule::bench {

using clock_type = std::chrono::steady_clock;

/// Of the two processes, the one that takes the time is the one that receives last: the first sender of a round trip,
/// the receiver of a stream.
struct job {
    cell where;
    std::size_t n; // messages or round trips
    bool measures;
    int in; // a socket is both
    int out;
    int go;     // the measuring process writes, the other reads
    int result; // of the measuring process: nanoseconds, in decimal

    [[nodiscard]] bool sends_first() const noexcept { return measures == goes_back(where.what); }
    [[nodiscard]] bool receives() const noexcept { return measures || goes_back(where.what); }
    [[nodiscard]] bool sends_last() const noexcept { return !measures && goes_back(where.what); }
    [[nodiscard]] std::size_t warm_up() const noexcept { return n / 8 + 1; }

    /// Before the warm-up and before the measurement. A stream's sender waits here until the receiver has everything
    /// sent so far, so that the clock starts with an empty queue.
    [[nodiscard]] clock_type::time_point start() const;
    /// After the measurement.
    void report(clock_type::time_point began) const;

    /// The whole job: `repeat(count)` does something `count` times.
    template <class Repeat>
    void timed(Repeat repeat) const
    {
        (void)start();
        repeat(warm_up());
        const auto began = start();
        repeat(n);
        report(began);
    }
};

/// The job of a blocking contender: `link.send()` and `link.recv()` move one message.
template <class Link>
void exchange(Link& link, const job& j)
{
    j.timed([&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            if (j.sends_first())
                link.send();
            if (j.receives())
                link.recv();
            if (j.sends_last())
                link.send();
        }
    });
}

} // namespace ferrule::bench
