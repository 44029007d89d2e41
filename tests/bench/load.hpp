// What else the machine did during the run, which is what makes ratios unreliable.
#pragma once

#include <chrono>

namespace ferrule::bench {

class other_load {
public:
    other_load();
    /// Cores that other processes (and other virtual machines) kept busy since construction, on average.
    [[nodiscard]] double cores() const;

private:
    double seconds_; // of others, up to the construction
    std::chrono::steady_clock::time_point began_;
};

} // namespace ferrule::bench
