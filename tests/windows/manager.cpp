// A manager over a named pipe: objects in one process, used from another as from Python.
#include <ferrule/python/manager_server.hpp>

#include <ferrule/python/manager.hpp>

#include "support/catch.hpp"
#include "support/watchdog.hpp"

#include <chrono>
#include <thread>

using namespace ferrule;
using namespace std::chrono_literals;
namespace py = ferrule::python;

namespace {

class counter {
public:
    explicit counter(int first) noexcept : count_(first) {}
    int add(int n) noexcept { return count_ += n; }

private:
    int count_;
};

} // namespace

TEST_CASE("manager: an object is made, called and released over a pipe")
{
    const test::watchdog guard("a manager");
    const std::string key = "a key that both know";
    py::manager_server server(py::listener_options().authkey(key));
    server.add<counter, int>("Counter").method("add", &counter::add);
    std::jthread serving([&] { server.serve(); });
    const py::manager m(server.address(), py::connect_options().authkey(key), {}, 60s);
    py::remote c = m.create("Counter", {40}, {}, 60s);
    CHECK(c.get<int>("add", 2) == 42);
    const py::remote same = m.take(c.token(), 60s);
    CHECK(same.methods() == std::vector<std::string>{"add"});
    CHECK(m.size(60s) == 1);
    c.release(60s);
    CHECK(server.size() == 0);
    m.shutdown(60s);
}
