// A server that sends lines back, with a thread for each of eight connections, and a client.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/lines.hpp>

#include <iostream>

using namespace std::chrono_literals;

int main()
{
    //[server
    ferrule::listener here("tcp://127.0.0.1:0", ferrule::lines()); // port 0: the system chooses
    const auto echo = [](auto peer) {
        while (const auto line = peer.next()) // until the peer ends
            peer.send(*line);
    };
    ferrule::server server(here, echo, ferrule::server_options().threads(8));

    auto client = ferrule::connect(server.address(), ferrule::lines(), 10s);
    client.send("hello", 10s);
    std::cout << client.recv(10s).text() << '\n';
    //]
    client.close();
    std::cout << server.close(10s) << " sessions cut off\n";
}
