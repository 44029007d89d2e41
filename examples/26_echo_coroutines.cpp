// The echo server of example 25 with a coroutine for each connection, and clients that are coroutines.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/lines.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

//[server
asio::awaitable<void> echo(ferrule::message_duplex<ferrule::lines> peer)
{
    while (const auto line = co_await peer.async_next()) // until the peer ends
        co_await peer.async_send(*line);
}
//]

//[client
asio::awaitable<void> client(ferrule::address to, std::string text)
{
    auto connection = co_await ferrule::async_connect(to, ferrule::lines(), 10s);
    co_await connection.async_send(text, 10s);
    const ferrule::bytes answer = co_await connection.async_recv(10s);
    std::cout << answer.text() << '\n';
}
//]

template <class Server>
asio::awaitable<void> talk(Server& server)
{
    co_await client(server.address(), "hello");
    co_await client(server.address(), "hello again");
    const std::size_t cut_off = co_await server.async_close(10s);
    std::cout << cut_off << " sessions cut off\n";
}

int main()
{
    //[serve
    asio::io_context context;
    ferrule::listener here("tcp://127.0.0.1:0", ferrule::lines());
    ferrule::async_server server(context.get_executor(), here, echo);
    //]
    co_spawn(context, talk(server), asio::detached);
    context.run();
}
