// Servers with many connections on one thread, next to what one would write without ferrule.
#pragma once

#include "bench/results.hpp"

#include <string>
#include <vector>

namespace ferrule::bench {

/// Who serves.
struct server_program {
    const char* name;
    void (*run)(int port_to); // serves on one thread until it is killed; writes its port, in decimal
    bool needs_uvloop = false;
    bool is_python = false;
};

/// One kind of work with so many connections.
class server_row {
public:
    std::size_t connections; // 0: a new one for each round trip
    struct entry {
        const server_program* who;
        std::string problem;        // why it failed or was skipped
        std::vector<double> rounds; // microseconds per round trip
    };
    std::vector<entry> entries;

    /// Such as "servers/100 connections".
    [[nodiscard]] std::string full_name() const;
    [[nodiscard]] std::optional<double> median(std::string_view who) const;
};

/// What `only` leaves, as for the other tables. Each measurement takes about so long.
[[nodiscard]] std::vector<server_row> measure_servers(const std::vector<std::string>& only, int rounds,
                                                      double microseconds);
void print_servers(std::span<const server_row> rows);
void check_servers(std::span<const server_row> rows, std::vector<verdict>& goals);

} // namespace ferrule::bench
