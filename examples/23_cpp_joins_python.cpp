// A C++ program joins a Python service that knows nothing of C++: a Listener, and a manager with a shared dict.
#include <ferrule/ferrule.hpp>
#include <ferrule/python/convert.hpp>
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/manager.hpp>

#include <iostream>
#include <map>
#include <string>

namespace py = ferrule::python;

namespace {

// As it could be running for years already.
const char* const service = R"(
import threading
from multiprocessing.connection import Connection, Listener
from multiprocessing.managers import BaseManager, DictProxy

key = b"a shared secret"
stock = {"apples": 3, "pears": 5}

class Stock(BaseManager):
    pass
Stock.register("stock", lambda: stock, DictProxy)
manager = Stock(authkey=key).get_server()
threading.Thread(target=manager.serve_forever, daemon=True).start()

with Listener(authkey=key) as listener:
    Connection(3).send((listener.address, manager.address)) # how clients get to know them is up to you
    with listener.accept() as client:
        name, wanted = client.recv()
        stock[name] -= wanted
        client.send("%d %s left" % (stock[name], name))
        client.recv()
)";

} // namespace

int main()
{
    using namespace std::chrono_literals;
    auto python = ferrule::spawn_connected({"python3", "-c", service}, ferrule::multiprocessing());
    const py::value addresses = python.connection.recv(10s);
    const auto options = py::connect_options().authkey("a shared secret");

    //[client
    auto shop = py::connect(py::to_address(addresses[0]), options);
    shop.send({"pears", 2});
    std::cout << shop.recv(10s).as<std::string_view>() << '\n';

    const py::manager manager(py::to_address(addresses[1]), options);
    py::remote stock = manager.create("stock");
    stock.call("__setitem__", {"plums", 7});
    for (const auto& [name, count] : stock.get<std::map<std::string, int>>("copy"))
        std::cout << name << ": " << count << '\n';
    shop.send(nullptr);
    //]
    return python.process.wait(10s).code();
}
