#include "bench/load.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace ferrule::bench {
namespace {

double own_seconds(int who)
{
    rusage u{};
    ::getrusage(who, &u);
    return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// CPU time that was neither idle nor ours.
double seconds_of_others()
{
    std::ifstream file("/proc/stat");
    std::string cpu;
    double ticks[8] = {}; // user nice system idle iowait irq softirq steal
    file >> cpu;
    for (double& t : ticks)
        file >> t;
    const double busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
    return busy / static_cast<double>(::sysconf(_SC_CLK_TCK)) - own_seconds(RUSAGE_SELF) - own_seconds(RUSAGE_CHILDREN);
}

} // namespace

other_load::other_load() : seconds_(seconds_of_others()), began_(std::chrono::steady_clock::now()) {}

double other_load::cores() const
{
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    return std::max(0.0, (seconds_of_others() - seconds_) / passed.count()); // the kernel counts in ticks
}

} // namespace ferrule::bench
