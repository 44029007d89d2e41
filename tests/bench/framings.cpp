#include "bench/framings.hpp"

#include "bench/cell.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace ferrule::bench {
namespace {

constexpr framing_row::who both[] = {framing_row::who::by_hand, framing_row::who::ferrule};

std::size_t index(framing_row::who w)
{
    return static_cast<std::size_t>(w);
}

// Nanoseconds that `count` passes take, of this process: whoever else wants the core does not count.
double time_of(const pass& p, std::size_t count)
{
    const std::clock_t began = std::clock();
    for (std::size_t i = 0; i < count; ++i)
        (void)p();
    return static_cast<double>(std::clock() - began) * (1e9 / CLOCKS_PER_SEC);
}

// Behind the point, for three or four that count.
int digits(double x)
{
    return x < 0.1 ? 4 : x < 1 ? 3 : x < 100 ? 2 : 0;
}

} // namespace

std::string framing_row::full_name() const
{
    return "framings/" + framing + '/' + size_name(size) + '/' + direction;
}

double framing_row::median(who w) const
{
    std::vector<double> sorted = rounds[index(w)];
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

double framing_row::bytes_per_second(who w) const
{
    return frames_per_second(w) * static_cast<double>(bytes) / static_cast<double>(frames);
}

std::vector<framing_row> framing_rows(const std::vector<std::string>& only)
{
    std::vector<framing_row> rows;
    add_byte_framings(rows);
#ifdef FERRULE_BENCH_MSGPACK
    add_msgpack_framings(rows);
#endif
#ifdef FERRULE_BENCH_JSON
    add_json_framings(rows);
#endif
    std::erase_if(rows, [&](const framing_row& r) {
        const auto is_in = [full = r.full_name()](const std::string& s) { return full.find(s) != full.npos; };
        return !only.empty() && std::ranges::none_of(only, is_in);
    });
    return rows;
}

void measure_framings(std::span<framing_row> rows, int rounds, double microseconds)
{
    for (framing_row& r : rows) {
        if (r.run[0]() != r.run[1]())
            throw std::runtime_error(r.full_name() + ": not the same work");
        for (const auto w : both) // the first one was the warm-up
            r.passes[index(w)] =
                1 + static_cast<std::size_t>(microseconds * 1000 / std::max(time_of(r.run[index(w)], 1), 1000.0));
    }
    for (int round = 0; round < rounds; ++round) {
        for (framing_row& r : rows) {
            for (const auto w : both) {
                const std::size_t n = r.passes[index(w)];
                r.rounds[index(w)].push_back(time_of(r.run[index(w)], n) / static_cast<double>(n * r.frames));
            }
        }
    }
}

void print_framings(std::span<const framing_row> rows)
{
    if (rows.empty())
        return;
    std::printf(
        "\nframings in memory: million frames per second, GB of payload per second, ratio of times to by hand\n");
    std::printf("%-34s %9s %9s %9s %9s\n", "", "by hand", "", "ferrule", "");
    std::printf("%-34s %9s %9s %9s %9s\n", "", "frames", "bytes", "frames", "bytes");
    for (const framing_row& r : rows) {
        const std::string label = r.framing + ' ' + size_name(r.size) + ' ' + r.direction;
        std::printf("%-34s", label.c_str());
        for (const auto w : both)
            std::printf(" %9.*f %9.*f", digits(r.frames_per_second(w) / 1e6), r.frames_per_second(w) / 1e6,
                        digits(r.bytes_per_second(w) / 1e9), r.bytes_per_second(w) / 1e9);
        std::printf(" %6.2fx\n", r.ratio());
    }
}

} // namespace ferrule::bench
