// A Python program uses a C++ object as if it were Python's: through an ordinary manager, with nothing installed.
#include <ferrule/ferrule.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>

#include <cmath>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

class statistics {
public:
    void add(const std::vector<double>& values) { all_.insert(all_.end(), values.begin(), values.end()); }
    double mean() const
    {
        if (all_.empty())
            throw ferrule::python::exception("ValueError", {"no values"});
        double sum = 0;
        for (const double v : all_)
            sum += v;
        return sum / static_cast<double>(all_.size());
    }

private:
    std::vector<double> all_;
};

//[script
const char* const script = R"(
import sys
from multiprocessing.managers import BaseManager

class Engines(BaseManager):
    pass
Engines.register("Statistics")

engines = Engines(sys.argv[1], authkey=b"a shared secret")
engines.connect()
statistics = engines.Statistics()
try:
    statistics.mean()
except ValueError as e:
    print("error:", e)
statistics.add([1, 2, 3, 4])
print("mean:", statistics.mean())
)";
//]

int main()
{
    //[server
    ferrule::python::manager_server server(ferrule::python::listener_options().authkey("a shared secret"));
    server.add<statistics>("Statistics").method("add", &statistics::add).method("mean", &statistics::mean);
    //]
    std::jthread serving([&](const std::stop_token& stop) { server.serve(stop); });

    ferrule::child python = ferrule::spawn({"python3", "-c", script, server.address().name()}, {});
    return python.wait().code();
}
