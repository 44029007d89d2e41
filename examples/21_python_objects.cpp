// Python objects as C++ types, without anything to install on Python's side.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/exception.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace py = ferrule::python;

//[objects
const char* const script = R"(
from dataclasses import dataclass, replace
from datetime import date, timedelta
from multiprocessing.connection import Connection

@dataclass
class Reading:
    sensor: str
    celsius: float
    day: date

connection = Connection(3)
reading = connection.recv()
connection.send(replace(reading, day=reading.day + timedelta(days=1)))
try:
    reading.fahrenheit
except AttributeError as e:
    connection.send(e)
)";

struct reading {
    std::string sensor;
    double celsius = 0;
    std::chrono::year_month_day day{};
};
template <>
struct ferrule::python::converter<reading> : ferrule::python::instance<reading, "__main__", "Reading"> {};

int main()
{
    using namespace std::chrono_literals;
    // Python imports and calls what we name, so names have to be allowed. What Python sends is never executed here.
    const py::pickle_codec codec({}, py::globals().allow("__main__", "Reading"));
    auto python = ferrule::spawn_connected({"python3", "-c", script}, ferrule::multiprocessing({}, codec));

    python.connection.send(py::from(reading{"outside", -3.5, 2024y / 2 / 28}), 10s);
    const auto answer = py::to<reading>(python.connection.recv(10s));
    std::cout << answer.sensor << ", day " << static_cast<unsigned>(answer.day.day()) << '\n';

    const py::exception problem(python.connection.recv(10s));
    std::cout << problem.what() << '\n';
    return python.process.wait(10s).code();
}
//]
