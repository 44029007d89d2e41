// A deadline ends a call, never the stream: what had arrived stays in it, and what had begun to leave is completed.
#include <ferrule/pair.hpp>

#include <iostream>
#include <string>
#include <thread>

int main()
{
    using namespace std::chrono_literals;
    auto [in, out] = ferrule::pipe();
    out.send("hel");
    //[timeout
    try {
        in.recv(5, 20ms);
    } catch (const ferrule::timeout_error& e) {
        std::cout << "so far: " << e.data().text() << '\n'; // still in the stream
    }
    out.send("lo");
    std::cout << "whole: " << in.recv(5, 10s).text() << '\n';
    //]

    // The other direction: a message that does not fit is cut off by its deadline, and the next one comes behind its rest.
    //[rest
    auto [left, right] = ferrule::socketpair(ferrule::varint());
    const std::string big(8 << 20, 'x');
    try {
        left.send(big, 0s);
    } catch (const ferrule::timeout_error& e) {
        std::cout << "in flight: " << std::boolalpha << e.in_flight() << '\n';
    }
    //]
    std::jthread peer(
        [](ferrule::message_duplex<> end) {
            end.recv(10s);
            end.send(end.recv(10s), 10s);
        },
        right);
    left.send("after it", 10s);
    std::cout << "echo: " << left.recv(10s).text() << '\n';
}
