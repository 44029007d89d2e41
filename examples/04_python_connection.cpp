// A Python child that sees one end as a multiprocessing connection, what `multiprocessing.Pipe()` consists of.
#include <ferrule/ferrule.hpp>

#include <iostream>

int main()
{
    using namespace std::chrono_literals;
    //[python
    const char* const script = R"(
from multiprocessing.connection import Connection
connection = Connection(3)
while text := connection.recv_bytes().decode(): connection.send_bytes(text[::-1].encode())
)";
    auto [mine, childs] = ferrule::socketpair(ferrule::multiprocessing_bytes());
    ferrule::child python = ferrule::spawn({"python3", "-c", script}, childs, 3);
    childs.close();

    for (const char* text : {"ferrule", "drawer", "stressed"}) {
        mine.send(text, 10s);
        std::cout << text << " -> " << mine.recv(10s).text() << '\n';
    }
    mine.send(""); // an empty message: no more work
    return python.wait(10s).code();
    //]
}
