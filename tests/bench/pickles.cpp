#include "bench/pickles.hpp"

#include "bench/contenders.hpp"

#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace ferrule::bench {
namespace {

// Answers (object, whether to load, passes) with the microseconds of CPU time that a pass takes, and an object's name with
// its pickle.
constexpr const char* script = R"(
import pickle, time
from multiprocessing.connection import Connection
c = Connection(3)
objects = {
    "integers": list(range(100000)),
    "strings": {"key %d" % i: "value %d" % i for i in range(20000)},
    "records": [{"id": i, "name": "record %d" % i, "position": (i * 0.5, -i * 0.25), "tags": ["a", "b", i],
                 "nested": {"ok": True, "none": None, "data": b"0123456789"}} for i in range(10000)],
    "bytes": bytes(range(256)) * (1 << 16),
}
pickles = {name: pickle.dumps(o, 4) for name, o in objects.items()}
def loads(p, n):
    f = pickle.loads
    began = time.process_time_ns()
    for _ in range(n):
        f(p)
    return time.process_time_ns() - began
def dumps(o, n):
    f = pickle.dumps
    began = time.process_time_ns()
    for _ in range(n):
        f(o, 4)
    return time.process_time_ns() - began
try:
    while True:
        asked = c.recv()
        if isinstance(asked, str):
            c.send(pickles[asked])
        else:
            name, load, n = asked
            c.send((loads(pickles[name], n) if load else dumps(objects[name], n)) / 1000 / n)
except EOFError:
    pass
)";

double cpu_microseconds()
{
    return static_cast<double>(std::clock()) * (1e6 / CLOCKS_PER_SEC);
}

// Of a pass.
double time_of(const pickle_row& r, const bytes& pickle, const python::value& object, std::size_t passes)
{
    double sum = 0;
    // What dumps writes to is kept, which Python's cannot; so it has been made before.
    bytes p;
    if (!r.loads && python::dumps(object, p))
        throw std::runtime_error("cannot be pickled");
    for (std::size_t i = 0; i < passes; ++i) {
        // Receiving makes the bytes that loads takes over; here that is a copy, which does not count.
        p.clear();
        if (r.loads)
            p = pickle.clone();
        const double began = cpu_microseconds();
        if (r.loads)
            (void)python::loads(std::move(p));
        else if (python::dumps(object, p))
            throw std::runtime_error("cannot be pickled");
        sum += cpu_microseconds() - began;
    }
    return sum / static_cast<double>(passes);
}

} // namespace

double pickle_row::median(std::size_t who) const
{
    std::vector<double> sorted = rounds[who];
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

std::vector<pickle_row> measure_pickles(const std::vector<std::string>& only, int rounds, double microseconds)
{
    std::vector<pickle_row> rows;
    if (!no_python().empty())
        return rows;
    for (const char* object : {"integers", "strings", "records", "bytes"}) {
        for (const bool loads : {true, false}) {
            pickle_row r{object, loads, 0, {}};
            const auto is_in = [full = r.full_name()](const std::string& s) { return full.find(s) != full.npos; };
            if (only.empty() || std::ranges::any_of(only, is_in))
                rows.push_back(std::move(r));
        }
    }
    if (rows.empty())
        return rows;
    auto python = spawn_connected({python_program(), "-I", "-S", "-c", script}, multiprocessing());
    for (pickle_row& r : rows) {
        python.connection.send(r.object);
        const python::value received = python.connection.recv();
        const bytes pickle(received.as<byte_view>());
        r.bytes = pickle.size();
        const python::value object = python::loads(pickle.clone());
        (void)time_of(r, pickle, object, 1);
        const double one = std::max(time_of(r, pickle, object, 1), 1.0);
        const auto passes = 1 + static_cast<std::size_t>(microseconds / one);
        for (int round = 0; round < rounds; ++round) {
            python.connection.send({r.object, r.loads, passes});
            r.rounds[0].push_back(python.connection.recv().as<double>());
            r.rounds[1].push_back(time_of(r, pickle, object, passes));
        }
    }
    return rows;
}

void print_pickles(std::span<const pickle_row> rows)
{
    if (rows.empty())
        return;
    std::printf("\npickles in memory: microseconds of CPU time, MB of pickle per second, ratio of times to CPython\n"
                "CPython dumps into new bytes, ferrule into a buffer that is kept\n");
    std::printf("%-34s %9s %9s %9s %9s\n", "", "CPython", "", "ferrule", "");
    for (const pickle_row& r : rows) {
        std::printf("%-34s", (r.object + ' ' + r.direction()).c_str());
        for (const std::size_t who : {0u, 1u})
            std::printf(" %9.1f %9.0f", r.median(who), static_cast<double>(r.bytes) / r.median(who));
        std::printf(" %6.2fx\n", r.ratio());
    }
}

void check_pickles(std::span<const pickle_row> rows, std::vector<verdict>& goals)
{
    for (const pickle_row& r : rows)
        goals.push_back({"at most 1.00 x CPython", r.full_name(), r.ratio(), r.ratio() <= 1});
}

} // namespace ferrule::bench
