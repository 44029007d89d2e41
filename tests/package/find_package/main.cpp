// What a first program does: a message there and back, with the blocking calls and with a coroutine.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <chrono>
#include <iostream>

namespace {

using namespace std::chrono_literals;

boost::asio::awaitable<void> send_back(ferrule::message_duplex<> end)
{
    const ferrule::bytes message = co_await end.async_recv(10s);
    co_await end.async_send(message, 10s);
}

} // namespace

int main()
{
    auto ends = ferrule::socketpair(ferrule::varint());
    ends.first.send("ferrule is usable", 10s);
    boost::asio::io_context context;
    auto sent = co_spawn(context, send_back(ends.second), boost::asio::use_future);
    context.run();
    sent.get();
    const ferrule::bytes answer = ends.first.recv(10s);
    std::cout << answer.text() << '\n';
    return answer.text() == "ferrule is usable" ? 0 : 1;
}
