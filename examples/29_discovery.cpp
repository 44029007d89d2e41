// Finding a service by UDP: a responder answers whoever asks for it by name.
#include <ferrule/ferrule.hpp>
#include <ferrule/net/datagrams.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

//[responder
void answer(ferrule::datagram_socket<> socket, const std::string& name, const std::string& where)
{
    while (true) {
        const auto question = socket.recv();
        if (question.data == ferrule::byte_view("who is " + name))
            socket.send(where, question.peer);
    }
}
//]

int main()
{
    ferrule::datagram_socket<> socket("udp://127.0.0.1:0"); // a real one: "udp://0.0.0.0:5000"
    std::jthread responder([&socket] {
        try {
            answer(socket, "engine", "tcp://127.0.0.1:5025");
        } catch (const ferrule::closed_error&) {
        }
    });

    //[ask
    ferrule::datagram_socket<> asking("udp://127.0.0.1:0");
    asking.send("who is engine", socket.address()); // a real one: broadcast(), to "udp://255.255.255.255:5000"
    const auto found = asking.recv(10s);
    std::cout << found.data.text() << '\n';
    //]
    asking.send("who is nobody", socket.address());
    ferrule::error_code ec;
    (void)asking.recv(50ms, ec);
    std::cout << (ec == ferrule::condition::timeout ? "nobody answers" : ec.message()) << '\n';
    socket.close();
}
