// Two processes, their connection, and the time that they take.
#pragma once

#include "bench/contenders.hpp"

#include <string>
#include <vector>

namespace ferrule::bench {

/// What this process may run on.
[[nodiscard]] const std::vector<std::size_t>& cpus();

struct measurement {
    double microseconds = 0; // per message or round trip
    std::string failure;     // empty: none
};

/// Runs `n` messages or round trips through a new connection between two new processes. Failures are an answer.
[[nodiscard]] measurement measure(const cell& where, const contender& who, std::size_t n);

/// How many messages or round trips take about `microseconds`, by trying; 0 if that fails.
[[nodiscard]] std::size_t messages_for(double microseconds, const cell& where, const contender& who);

} // namespace ferrule::bench
