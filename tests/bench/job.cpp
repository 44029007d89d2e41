#include "bench/job.hpp"

#include <cstdio>
#include <stdexcept>
#include <unistd.h>

namespace ferrule::bench {

clock_type::time_point job::start() const
{
    if (where.what == task::stream || where.what == task::eight_writers || where.what == task::tls_stream ||
        where.what == task::shared_stream) {
        char go_on = 0;
        if ((measures ? ::write(go, &go_on, 1) : ::read(go, &go_on, 1)) != 1)
            throw std::runtime_error("the other process is gone");
    }
    return clock_type::now();
}

void job::report(clock_type::time_point began) const
{
    const std::chrono::duration<double, std::nano> took = clock_type::now() - began;
    if (measures)
        ::dprintf(result, "%.0f", took.count());
}

} // namespace ferrule::bench
