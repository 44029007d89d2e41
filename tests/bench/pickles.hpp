// Pickles in memory, next to CPython's own pickler, which is written in C, with the same objects.
#pragma once

#include "bench/results.hpp"

#include <string>
#include <vector>

namespace ferrule::bench {

/// One direction for one object.
class pickle_row {
public:
    std::string object;
    bool loads;
    std::size_t bytes;             // of the pickle
    std::vector<double> rounds[2]; // microseconds: CPython, ferrule

    [[nodiscard]] const char* direction() const { return loads ? "loads" : "dumps"; }
    /// Such as "pickles/integers/loads".
    [[nodiscard]] std::string full_name() const { return "pickles/" + object + '/' + direction(); }
    [[nodiscard]] double median(std::size_t who) const;
    [[nodiscard]] double ratio() const { return median(1) / median(0); }
};

/// What `only` leaves, as for the other tables; nothing without Python. Each measurement takes about so long.
[[nodiscard]] std::vector<pickle_row> measure_pickles(const std::vector<std::string>& only, int rounds,
                                                      double microseconds);
void print_pickles(std::span<const pickle_row> rows);
void check_pickles(std::span<const pickle_row> rows, std::vector<verdict>& goals);

} // namespace ferrule::bench
