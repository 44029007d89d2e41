// What was measured.
#pragma once

#include "bench/contenders.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::bench {

class framing_row;
class pickle_row;
class program_row;

/// One contender in one cell.
class entry {
public:
    explicit entry(const contender& c) : who(&c) {}

    const contender* who;
    bool wanted = true;
    bool skipped = false;
    std::string problem;        // why it failed or was skipped
    std::vector<double> rounds; // microseconds per message or round trip

    [[nodiscard]] bool runs() const noexcept { return wanted && problem.empty(); }
    /// Nothing, if it did not run or failed.
    [[nodiscard]] std::optional<double> median() const;
};

class row {
public:
    explicit row(const cell& c);

    cell where;
    std::size_t n = 0; // messages or round trips per measurement
    std::vector<entry> entries;

    [[nodiscard]] std::optional<double> median(std::string_view contender) const;
    /// Of the medians, to the first contender's.
    [[nodiscard]] std::optional<double> ratio(const entry& e) const;
};

/// A goal in one cell.
struct verdict {
    std::string what; // such as "at least 0.95 x raw"
    std::string where;
    double ratio;
    bool met;
};

[[nodiscard]] std::vector<verdict> check_goals(std::span<const row> rows);

void print_tables(std::span<const row> rows);
void print_goals(std::span<const verdict> goals);
/// `busy`: cores that others used meanwhile.
void write_json(const std::string& file, double busy, std::span<const row> rows, std::span<const framing_row> framings,
                std::span<const pickle_row> pickles, std::span<const program_row> programs,
                std::span<const verdict> goals);

} // namespace ferrule::bench
