// HTTP by Boost.Beast over a socketpair: an endpoint of ferrule where Asio's libraries want a stream of their own kind.
#include <ferrule/asio_stream.hpp>
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <iostream>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

asio::awaitable<void> serve(ferrule::asio_stream client)
{
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    co_await http::async_read(client, buffer, request, asio::use_awaitable);
    http::response<http::string_body> response(http::status::ok, request.version());
    response.body() = "you asked for " + std::string(request.target());
    response.prepare_payload();
    co_await http::async_write(client, response, asio::use_awaitable);
}

//[http
asio::awaitable<void> ask(ferrule::duplex connection)
{
    ferrule::asio_stream server(co_await asio::this_coro::executor, connection);
    const http::request<http::empty_body> request(http::verb::get, "/status", 11);
    co_await http::async_write(server, request, asio::use_awaitable);

    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(server, buffer, response, asio::use_awaitable);
    std::cout << response.result_int() << ' ' << response.body() << '\n';
}
//]

int main()
{
    asio::io_context context;
    auto [mine, other] = ferrule::socketpair();
    co_spawn(context, serve(ferrule::asio_stream(context.get_executor(), other)), asio::detached);
    co_spawn(context, ask(mine), asio::detached);
    context.run();
}
