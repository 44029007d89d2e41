// The one file that compiles Boost.JSON, which is used as a header-only library.
#include "bench/results.hpp"

#include <boost/json/src.hpp>

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

} // namespace

void write_json(const std::string& file, double busy, std::span<const row> rows, std::span<const verdict> goals)
{
    json::array cells;
    for (const row& r : rows) {
        for (const entry& e : r.entries) {
            if (e.wanted)
                cells.push_back(of(r, e));
        }
    }
    json::array verdicts;
    for (const verdict& v : goals) {
        const json::object o{{"goal", v.what}, {"cell", v.where}, {"ratio", v.ratio}, {"met", v.met}};
        verdicts.push_back(o);
    }
    const json::object all{{"cores_used_by_others", busy}, {"cells", std::move(cells)}, {"goals", std::move(verdicts)}};
    std::ofstream out(file);
    out << json::value(all) << '\n';
    if (!out.flush())
        throw std::runtime_error("cannot write " + file);
}

} // namespace ferrule::bench
