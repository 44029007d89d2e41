// Messages between two processes, framings and pickles in memory and the costs of a lock, next to what one would write without ferrule.
// Contenders take turns, so that a change of the machine's speed hits all of them; what counts are the ratios.
#include "bench/framings.hpp"
#include "bench/instruments.hpp"
#include "bench/load.hpp"
#include "bench/measure.hpp"
#include "bench/pickles.hpp"
#include "bench/results.hpp"
#include "bench/servers.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

namespace {

using namespace ferrule::bench;

constexpr const char* usage =
    R"(ferrule_bench [--quick] [--json FILE] [--only TEXT]...
  --quick      fewer rounds and shorter ones: about three minutes
  --json FILE  writes all results to FILE
  --only TEXT  only what has TEXT in its name, such as "pipe/one core/round trip/8 B/ferrule coroutine" or
               "framings/varint/8 B/decode" or "servers/100 connections" or "instruments"; repeated: what has one of them. What it is compared to runs, too.
)";

struct options {
    bool help = false;
    bool quick = false;
    std::string json;
    std::vector<std::string> only;
};

options parse(int argc, char** argv)
{
    options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const auto value = [&] {
            if (++i == argc)
                throw std::invalid_argument(std::string(word) + " what?");
            return std::string(argv[i]);
        };
        if (word == "--quick")
            o.quick = true;
        else if (word == "--json")
            o.json = value();
        else if (word == "--only")
            o.only.push_back(value());
        else if (word == "--help" || word == "-h")
            o.help = true;
        else
            throw std::invalid_argument("unknown argument " + std::string(word));
    }
    return o;
}

std::vector<cell> all_cells()
{
    std::vector<cell> all;
    for (const transport over : ferrule::test::all_transports) {
        for (const cores on : {cores::one, cores::two, cores::all}) {
            if (on != cores::one && cpus().size() < 2)
                continue;
            for (const std::size_t size : {8u, 1024u, 65536u})
                all.push_back({over, on, task::round_trip, size});
            for (const std::size_t size : {8u, 64u, 1024u, 65536u, 1048576u})
                all.push_back({over, on, task::stream, size});
        }
    }
    for (const cores on : {cores::one, cores::two}) {
        if (on != cores::one && cpus().size() < 2)
            continue;
        for (const std::size_t size : {64u, 1024u, 65536u})
            all.push_back({transport::socketpair, on, task::shared_round_trip, size});
        for (const std::size_t size : {64u, 1024u, 65536u, 1048576u})
            all.push_back({transport::socketpair, on, task::shared_stream, size});
    }
    for (const transport over : {transport::pipe, transport::socketpair})
        all.push_back({over, cores::all, task::eight_writers, 64});
    all.push_back({{}, cores::one, task::lock, 0});
#ifdef FERRULE_BENCH_TLS
    for (const cores on : {cores::one, cores::two}) {
        if (on != cores::one && cpus().size() < 2)
            continue;
        for (const std::size_t size : {64u, 65536u})
            all.push_back({transport::tcp, on, task::tls_round_trip, size});
        for (const std::size_t size : {64u, 1024u, 65536u, 1048576u})
            all.push_back({transport::tcp, on, task::tls_stream, size});
    }
    all.push_back({{}, cores::one, task::tls_handshake, 0});
#endif
    return all;
}

// The rows of the tables, with what `only` leaves of them.
std::vector<row> choose(const std::vector<std::string>& only)
{
    std::vector<row> rows;
    for (const cell& c : all_cells()) {
        row r(c);
        for (entry& e : r.entries) {
            const std::string full = c.full_name(e.who->name);
            e.wanted = only.empty() ||
                       std::ranges::any_of(only, [&](const std::string& s) { return full.find(s) != full.npos; });
            if (e.wanted && needs_python(*e.who) && !no_python().empty()) {
                e.skipped = true;
                e.problem = no_python();
            }
        }
        if (std::ranges::none_of(r.entries, &entry::wanted))
            continue;
        r.entries.front().wanted = true;
        rows.push_back(std::move(r));
    }
    return rows;
}

void run(std::vector<row>& rows, int rounds, double microseconds)
{
    for (row& r : rows) {
        entry& base = r.entries.front();
        r.n = messages_for(microseconds, r.where, *base.who);
        if (r.n == 0)
            r.n = 100; // it fails again when it is measured, and says why
    }
    for (int round = 0; round < rounds; ++round) {
        std::fprintf(stderr, "round %d of %d\n", round + 1, rounds);
        for (row& r : rows) {
            for (entry& e : r.entries) {
                if (!e.runs())
                    continue;
                const measurement m = measure(r.where, *e.who, r.n);
                e.problem = m.failure; // it is not tried again
                if (m.failure.empty())
                    e.rounds.push_back(m.microseconds);
            }
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const options o = parse(argc, argv);
        if (o.help) {
            std::fputs(usage, stdout);
            return 0;
        }
        std::vector<row> rows = choose(o.only);
#ifdef FERRULE_BENCH_TLS
        make_certificates();
#endif
        std::vector<framing_row> framings = framing_rows(o.only);
        const int rounds = o.quick ? 5 : 9;
        const other_load others;
        run(rows, rounds, o.quick ? 18'000 : 60'000);
        measure_framings(framings, rounds, o.quick ? 1'500 : 6'000);
        const std::vector<pickle_row> pickles = measure_pickles(o.only, rounds, o.quick ? 5'000 : 20'000);

        const double apart = o.quick ? 100'000 : 300'000; // microseconds, in processes of their own
        const std::vector<program_row> servers = measure_servers(o.only, rounds, apart);
        const std::vector<program_row> instruments = measure_instruments(o.only, rounds, apart);

        const double busy = others.cores();
        std::printf("pipes hold 256 KiB and socket pairs 1 MiB, for everybody, as ferrule makes them\n");
        std::printf("medians of %d rounds; other processes kept %.2f cores busy%s\n", rounds, busy,
                    busy > 0.2 ? ": do not trust the ratios" : "");
        if (cpus().size() < 2)
            std::printf("one core only: this process may run on no other\n");
        print_tables(rows);
        print_framings(framings);
        print_pickles(pickles);
        print_servers(servers);
        print_instruments(instruments);
        std::vector<verdict> goals = check_goals(rows);
        check_pickles(pickles, goals);
        check_servers(servers, goals);
        check_instruments(instruments, goals);
        print_goals(goals);
        if (!o.json.empty()) {
            std::vector<program_row> programs = servers;
            programs.insert(programs.end(), instruments.begin(), instruments.end());
            write_json(o.json, busy, rows, framings, pickles, programs, goals);
        }
        return 0; // also if a goal was missed: machines are noisy
    } catch (const std::invalid_argument& e) {
        std::fprintf(stderr, "%s\n%s", e.what(), usage);
        return 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
