// Tables of programs: what is measured runs in processes of its own, of which each has a core of its own.
#pragma once

#include "bench/results.hpp"
#include "support/unique_fd.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace ferrule::bench {

/// One kind of work.
class program_row {
public:
    std::string table; // such as "servers"
    std::string name;  // such as "100 connections"
    struct entry {
        std::string_view who;
        std::string problem;        // why it failed or was skipped
        std::vector<double> rounds; // microseconds per round trip
    };
    std::vector<entry> entries;

    [[nodiscard]] std::string full_name() const { return table + "/" + name; }
    [[nodiscard]] std::optional<double> median(std::string_view who) const;
};

/// Pins this process to one of those that it may run on.
void on_core(std::size_t i);

/// A server in a process of its own, on a core of its own: `run(to)` writes where it is, such as a port in decimal, and serves
/// until it is killed.
class serving {
public:
    explicit serving(const std::function<void(int to)>& run);
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;
    ~serving();

    [[nodiscard]] const std::string& where() const noexcept { return where_; }
    /// A socket of the system's, at its port.
    [[nodiscard]] test::unique_fd connect() const;

private:
    pid_t pid_ = -1;
    std::string where_;
};
/// For such a server.
void tell_where(int to, const std::string& where);

/// Adds what `f` returns, in a process of its own on a core of its own.
void measure_apart(program_row::entry& e, const std::function<double()>& f);

/// Whether `only` names it or is empty.
[[nodiscard]] bool is_wanted(const std::vector<std::string>& only, const std::string& full_name);
/// Compares with the first of each row.
void print_programs(const char* heading, std::span<const program_row> rows);
/// Adds the verdict: `ours` needs at most 1 / `least` of the time of `theirs`.
void check_programs(const program_row& r, std::string_view ours, double least, std::string_view theirs,
                    std::vector<verdict>& goals);

} // namespace ferrule::bench
