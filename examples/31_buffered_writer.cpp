// A program that need not wait for each of its sends: a bounded queue, and what asyncio calls drain.
#include <ferrule/buffered_writer.hpp>
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/lines.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

//[produce
asio::awaitable<void> produce(ferrule::buffered_writer out)
{
    ferrule::message_writer<ferrule::lines> log(out);
    for (int i = 0; i < 100'000; ++i)
        co_await log.async_send("reading " + std::to_string(i), 10s); // into the queue, unless it is full
    co_await out.async_drain(10s);                                    // if it was full, until the low-water mark
    co_await out.async_shutdown_send(10s);                            // until all has left
}
//]

asio::awaitable<void> consume(ferrule::message_duplex<ferrule::lines> in)
{
    int n = 0;
    while (const auto line = co_await in.async_next(10s))
        ++n;
    std::cout << n << " lines\n";
}

int main()
{
    auto [mine, peers] = ferrule::socketpair(ferrule::lines());
    asio::io_context context;
    const ferrule::buffered_writer out(context.get_executor(), mine.as_bytes());
    co_spawn(context, produce(out), asio::detached);
    co_spawn(context, consume(peers), asio::detached);
    context.run();
}
