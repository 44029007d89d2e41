#include <ferrule/python/multiprocessing/manager.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>

#include "support/test.hpp"

TEST_CASE("manager server: makes objects, calls their methods and says what it does not have")
{
    py::manager_server server(py::listener_options().authkey("key"));
    server.add<std::vector<int>>("List")
        .method("push", [](std::vector<int>& v, int n) { v.push_back(n); })
        .method("size", [](std::vector<int>& v) { return v.size(); });
    auto serving = std::async(std::launch::async, [&] { server.serve(timeout); });
    {
        const py::manager m(server.address(), py::connect_options().authkey("key"), {}, timeout);
        py::remote list = m.create("List", {}, {}, timeout);
        (void)list.call("push", py::tuple{7}, {}, timeout);
        CHECK(list.call("size", py::tuple{}, {}, timeout) == py::value(1));
        CHECK_THROWS_AS(list.call("pop", py::tuple{}, {}, timeout), py::exception);
        CHECK_THROWS_AS(m.create("Set", {}, {}, timeout), py::exception);
    }
    server.stop();
    serving.get();
}
