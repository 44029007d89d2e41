// Sockets that somebody else has accepted or connected: an echo server of coroutines, and a client that blocks.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(ferrule::message_duplex<> client)
{
    try {
        for (;;) {
            const ferrule::bytes message = co_await client.async_recv();
            co_await client.async_send(message);
        }
    } catch (const ferrule::eof_error&) { // the client has left
    }
}

//[serve
asio::awaitable<void> serve(tcp::acceptor& acceptor, int clients)
{
    for (; clients > 0; --clients) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        ferrule::message_duplex<> client(ferrule::adopt(std::move(socket)));
        co_spawn(acceptor.get_executor(), echo(client), asio::detached);
    }
}
//]

int main()
{
    using namespace std::chrono_literals;
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    co_spawn(context, serve(acceptor, 2), asio::detached);
    std::jthread server([&context] { context.run(); }); // ends with the last client

    for (const char* text : {"hello", "hello again"}) {
        tcp::socket socket(context);
        socket.connect(acceptor.local_endpoint());
        ferrule::message_duplex<> connection(ferrule::adopt(std::move(socket)));
        connection.send(text, 10s);
        std::cout << connection.recv(10s).text() << '\n';
    }
}
