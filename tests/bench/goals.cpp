// What ferrule aims at, as ratios within one run.
#include "bench/results.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace ferrule::bench {
namespace {

using names = std::vector<std::string_view>;

const names both = {"ferrule blocking", "ferrule coroutine"};
const names one_of_two = {"ferrule and python", "python and ferrule"};
// Across cores a coroutine's round trip is the time that a core takes to wake up; where the system chooses the cores, it
// chooses the ratio.
const std::vector<cores> one_core = {cores::one};
const std::vector<cores> two_cores = {cores::two};
const std::vector<cores> pinned = {cores::one, cores::two};
const std::vector<cores> any = {cores::one, cores::two, cores::all};

const names every_asio = {"asio plain", "asio buffered", "asio blocking"};

// Time: at most. Throughput: at least.
enum class bound { time, throughput };

struct goal {
    task what;
    const std::vector<cores>& on;
    std::size_t smallest;
    std::size_t largest;
    names ours; // each of them
    bound kind;
    double limit;
    names theirs; // the best of them
};

constexpr std::size_t large = 64 * 1024;

const goal all_goals[] = {
    {task::round_trip, pinned, 0, SIZE_MAX, {"ferrule blocking"}, bound::time, 1.10, {"raw"}},
    {task::round_trip, one_core, 0, SIZE_MAX, {"ferrule coroutine"}, bound::time, 1.00, {"asio buffered"}},
    {task::stream, pinned, large, SIZE_MAX, both, bound::throughput, 1.00, every_asio},
    {task::stream, pinned, large, SIZE_MAX, both, bound::throughput, 0.95, {"raw"}},
    {task::stream, pinned, 0, large - 1, both, bound::throughput, 0.90, {"raw"}},
    {task::round_trip, pinned, 0, SIZE_MAX, one_of_two, bound::time, 1.00, {"python multiprocessing"}},
    {task::stream, pinned, 0, SIZE_MAX, one_of_two, bound::throughput, 1.00, {"python multiprocessing"}},
    {task::tls_stream, pinned, 0, SIZE_MAX, {"ferrule blocking"}, bound::throughput, 0.95, {"asio::ssl blocking"}},
    {task::tls_stream, pinned, 0, SIZE_MAX, {"ferrule coroutine"}, bound::throughput, 0.95, {"asio::ssl coroutine"}},
    {task::shared_round_trip, one_core, 0, SIZE_MAX, both, bound::time, 1.10, {"bare ring"}},
    {task::shared_round_trip, two_cores, 0, SIZE_MAX, {"ferrule blocking"}, bound::time, 1.30, {"bare ring"}},
    {task::shared_round_trip, two_cores, 0, SIZE_MAX, {"ferrule coroutine"}, bound::time, 1.50, {"bare ring"}},
    {task::shared_stream, two_cores, 0, large - 1, both, bound::throughput, 0.80, {"bare ring"}},
    {task::shared_stream, two_cores, large, SIZE_MAX, both, bound::throughput, 0.85, {"bare ring"}},
    {task::lock, any, 0, SIZE_MAX, {"cross_lock"}, bound::time, 1.50, {"std::mutex"}},
    {task::eight_writers, any, 0, SIZE_MAX, {"ferrule writer"}, bound::throughput, 0.70, {"mutex and write"}},
};

std::optional<double> best(const row& r, const names& of)
{
    std::optional<double> fastest;
    for (const std::string_view name : of) {
        if (const auto m = r.median(name))
            fastest = std::min(*m, fastest.value_or(*m));
    }
    return fastest;
}

} // namespace

std::vector<verdict> check_goals(std::span<const row> rows)
{
    std::vector<verdict> all;
    for (const goal& g : all_goals) {
        const bool least = g.kind == bound::throughput;
        const std::string their_name(g.theirs.size() == 1 ? g.theirs.front() : "best asio");
        char what[80];
        std::snprintf(what, sizeof what, "at %s %.2f x %s", least ? "least" : "most", g.limit, their_name.c_str());
        for (const row& r : rows) {
            if (r.where.what != g.what || r.where.size < g.smallest || r.where.size > g.largest ||
                std::ranges::find(g.on, r.where.on) == g.on.end())
                continue;
            const auto theirs = best(r, g.theirs);
            for (const std::string_view name : g.ours) {
                const auto ours = r.median(name);
                if (!ours || !theirs)
                    continue;
                const double ratio = least ? *theirs / *ours : *ours / *theirs;
                all.push_back({what, r.where.full_name(std::string(name).c_str()), ratio,
                               least ? ratio >= g.limit : ratio <= g.limit});
            }
        }
    }
    return all;
}

} // namespace ferrule::bench
