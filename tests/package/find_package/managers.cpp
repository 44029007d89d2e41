// Python's managers and their types, with C++ at both ends.
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/json.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/manager.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>

#include <boost/json/serialize.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace python = ferrule::python;

namespace {

class calendar {
public:
    std::chrono::year_month_day after(std::chrono::year_month_day d, std::chrono::days n) const
    {
        return std::chrono::sys_days(d) + n;
    }
};

} // namespace

int main()
{
    using namespace std::chrono_literals;
    python::manager_server server(python::listener_options().authkey("key"));
    server.add<calendar>("Calendar").method("after", &calendar::after);
    std::jthread serving([&](const std::stop_token& stop) { server.serve(stop); });
    python::remote remote =
        python::manager(server.address(), python::connect_options().authkey("key")).create("Calendar");
    const python::value day = remote.call("after", {python::from(2024y / 2 / 28), python::from(std::chrono::days(1))});
    std::cout << boost::json::serialize(python::to_json(day)) << '\n';
    return python::to<std::chrono::year_month_day>(day) == 2024y / 2 / 29 ? 0 : 1;
}
