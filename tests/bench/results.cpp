#include "bench/results.hpp"

#include <algorithm>
#include <cstdio>

namespace ferrule::bench {

std::optional<double> entry::median() const
{
    if (!runs() || rounds.empty())
        return std::nullopt;
    std::vector<double> sorted = rounds;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

row::row(const cell& c) : where(c)
{
    for (const contender& who : contenders(c.what))
        entries.emplace_back(who);
}

std::optional<double> row::median(std::string_view contender) const
{
    for (const entry& e : entries) {
        if (e.who->name == contender)
            return e.median();
    }
    return std::nullopt;
}

std::optional<double> row::ratio(const entry& e) const
{
    const auto base = entries.front().median();
    const auto own = e.median();
    return base && own ? std::optional(*own / *base) : std::nullopt;
}

namespace {

// Names in two lines: the first word, the others.
void print_heading(const row& r)
{
    std::printf("\n%s%s%s: microseconds per message or round trip, ratio to %s\n",
                r.where.over ? name(r.where.over) : "", r.where.over ? ", " : "", name(r.where.on),
                r.entries.front().who->name);
    for (const bool first : {true, false}) {
        std::printf("%-31s", "");
        for (const entry& e : r.entries) {
            const std::string all = e.who->name;
            const std::size_t space = std::min(all.find(' '), all.size());
            std::printf(" %17s",
                        first ? all.substr(0, space).c_str() : all.substr(std::min(space + 1, all.size())).c_str());
        }
        std::printf("\n");
    }
}

void print_entry(const row& r, const entry& e)
{
    const auto m = e.median();
    if (!m) {
        std::printf(" %17s", !e.wanted ? "-" : e.skipped ? "skipped" : "failed");
        return;
    }
    std::printf(" %9.*f", *m < 1 ? 3 : 2, *m);
    if (const auto ratio = r.ratio(e))
        std::printf(" %6.2fx", *ratio);
    else
        std::printf("%8s", "");
}

} // namespace

void print_tables(std::span<const row> rows)
{
    const row* previous = nullptr;
    for (const row& r : rows) {
        if (previous == nullptr || previous->where.over != r.where.over || previous->where.on != r.where.on ||
            previous->entries.front().who != r.entries.front().who)
            print_heading(r);
        previous = &r;
        std::printf("%-31s", r.where.label().c_str());
        for (const entry& e : r.entries)
            print_entry(r, e);
        std::printf("\n");
    }
    bool said = false;
    for (const row& r : rows) {
        for (const entry& e : r.entries) {
            if (e.skipped && !said)
                std::printf("\n%s is skipped: %s\n", e.who->name, e.problem.c_str());
            else if (!e.skipped && !e.problem.empty())
                std::printf("\n%s failed: %s\n", r.where.full_name(e.who->name).c_str(), e.problem.c_str());
            said = said || e.skipped;
        }
    }
}

void print_goals(std::span<const verdict> goals)
{
    if (goals.empty())
        return;
    std::printf("\ngoals: at most = ratio of times, at least = ratio of throughputs\n");
    std::size_t met = 0;
    for (const verdict& v : goals) {
        std::printf("%-7s %6.3f  %-30s %s\n", v.met ? "ok" : "missed", v.ratio, v.what.c_str(), v.where.c_str());
        met += v.met ? 1 : 0;
    }
    std::printf("%zu of %zu goals met\n", met, goals.size());
}

} // namespace ferrule::bench
