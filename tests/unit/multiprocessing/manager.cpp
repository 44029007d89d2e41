#include <ferrule/python/multiprocessing/manager.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>

#include "support/test.hpp"

namespace {

class counter {
public:
    explicit counter(int first) noexcept : count_(first) {}
    int add(int n) noexcept { return count_ += n; }

private:
    int count_;
};

} // namespace

TEST_CASE("manager: two clients have an object each, and copies of a proxy share one")
{
    py::manager_server server(py::listener_options().authkey("key"));
    server.add<int>("Counter").method("next", [](int& n) { return ++n; });
    auto serving = std::async(std::launch::async, [&] { server.serve(timeout); });
    {
        const auto options = py::connect_options().authkey("key");
        const py::manager one(server.address(), options, {}, timeout);
        const py::manager two(server.address(), options, {}, timeout);
        py::remote a = one.create("Counter", {}, {}, timeout);
        py::remote b = two.create("Counter", {}, {}, timeout);
        CHECK(a.call("next", py::tuple{}, {}, timeout) == py::value(1));
        CHECK(a.call("next", py::tuple{}, {}, timeout) == py::value(2));
        CHECK(b.call("next", py::tuple{}, {}, timeout) == py::value(1));
        CHECK(one.size(timeout) == 2);
    }
    server.stop();
    serving.get();
}

TEST_CASE("manager: with another key nobody answers it")
{
    py::manager_server server(py::listener_options().authkey("key"));
    auto serving = std::async(std::launch::async, [&] { server.serve(timeout); });
    CHECK_THROWS_AS(py::manager(server.address(), py::connect_options().authkey("other"), {}, timeout), error);
    server.stop();
    serving.get();
}

TEST_CASE("manager: an object is made, called, taken by its token and released")
{
    const std::string key = "a key that both know";
    py::manager_server server(py::listener_options().authkey(key));
    server.add<counter, int>("Counter").method("add", &counter::add);
    std::jthread serving([&] { server.serve(); });
    const py::manager m(server.address(), py::connect_options().authkey(key), {}, timeout);
    py::remote c = m.create("Counter", {40}, {}, timeout);
    CHECK(c.get<int>("add", 2) == 42);
    const py::remote same = m.take(c.token(), timeout);
    CHECK(same.methods() == std::vector<std::string>{"add"});
    CHECK(m.size(timeout) == 1);
    c.release(timeout);
    CHECK(server.size() == 0);
    m.shutdown(timeout);
}
