// Servers with many connections on one thread, next to what one would write without ferrule.
#pragma once

#include "bench/programs.hpp"

#include <string>
#include <vector>

namespace ferrule::bench {

/// What `only` leaves, as for the other tables. Each measurement takes about so long.
[[nodiscard]] std::vector<program_row> measure_servers(const std::vector<std::string>& only, int rounds,
                                                       double microseconds);
void print_servers(std::span<const program_row> rows);
void check_servers(std::span<const program_row> rows, std::vector<verdict>& goals);

} // namespace ferrule::bench
