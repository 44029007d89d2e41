#include "bench/framings.hpp"
#include "bench/pickles.hpp"
#include "bench/programs.hpp"
#include "bench/results.hpp"

#ifdef FERRULE_BENCH_JSON
#include <boost/json.hpp>
#else
#include <boost/json/src.hpp> // the one file that compiles it
#endif

#include <fstream>
#include <stdexcept>

namespace ferrule::bench {
namespace {

namespace json = boost::json;

json::object of(const row& r, const entry& e)
{
    json::object o{{"transport", name(r.where.over)}, {"cores", name(r.where.on)},
                   {"what", name(r.where.what)},      {"size", r.where.size},
                   {"contender", e.who->name},        {"messages", r.n / e.who->share},
                   {"rounds", e.rounds.size()}};
    if (!e.problem.empty())
        o[e.skipped ? "skipped" : "failed"] = e.problem;
    if (const auto m = e.median())
        o["median_us"] = *m;
    if (const auto ratio = r.ratio(e))
        o["ratio"] = *ratio;
    return o;
}

json::object of(const framing_row& r)
{
    using who = framing_row::who;
    return {{"framing", r.framing},
            {"size", r.size},
            {"what", r.direction},
            {"ns_by_hand", r.median(who::by_hand)},
            {"ns_ferrule", r.median(who::ferrule)},
            {"bytes_per_second_by_hand", r.bytes_per_second(who::by_hand)},
            {"bytes_per_second_ferrule", r.bytes_per_second(who::ferrule)},
            {"ratio", r.ratio()}};
}

} // namespace

void write_json(const std::string& file, double busy, std::span<const row> rows, std::span<const framing_row> framings,
                std::span<const pickle_row> pickles, std::span<const program_row> programs,
                std::span<const verdict> goals)
{
    json::array cells;
    for (const row& r : rows) {
        for (const entry& e : r.entries) {
            if (e.wanted)
                cells.push_back(of(r, e));
        }
    }
    json::array in_memory;
    for (const framing_row& r : framings)
        in_memory.push_back(of(r));
    json::array pickled;
    for (const pickle_row& r : pickles) {
        const json::object o{{"object", r.object},
                             {"what", r.direction()},
                             {"us_python", r.median(0)},
                             {"us_ferrule", r.median(1)},
                             {"ratio", r.ratio()}};
        pickled.push_back(o);
    }
    json::array served;
    for (const program_row& r : programs) {
        for (const program_row::entry& e : r.entries) {
            json::object o{{"row", r.full_name()}, {"contender", e.who}};
            if (const auto m = r.median(e.who))
                o["median_us"] = *m;
            else
                o["skipped"] = e.problem;
            served.push_back(std::move(o));
        }
    }
    json::array verdicts;
    for (const verdict& v : goals) {
        const json::object o{{"goal", v.what}, {"cell", v.where}, {"ratio", v.ratio}, {"met", v.met}};
        verdicts.push_back(o);
    }
    const json::object all{{"cores_used_by_others", busy},     {"cells", std::move(cells)},
                           {"framings", std::move(in_memory)}, {"pickles", std::move(pickled)},
                           {"programs", std::move(served)},    {"goals", std::move(verdicts)}};
    std::ofstream out(file);
    out << json::value(all) << '\n';
    if (!out.flush())
        throw std::runtime_error("cannot write " + file);
}

} // namespace ferrule::bench
