// Four threads and four coroutines use one end of a connection at once; a thread at the other end sends everything back.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace asio = boost::asio;
constexpr int workers = 4, messages = 250;

std::mutex mutex;
std::set<std::string> seen; // guarded by mutex

void note(const ferrule::bytes& message)
{
    const std::lock_guard guard(mutex);
    seen.emplace(message.text());
}

void exchange(ferrule::message_duplex<> end, int worker)
{
    for (int i = 0; i < messages; ++i) {
        end.send("thread " + std::to_string(worker) + " message " + std::to_string(i));
        note(end.recv()); // perhaps the answer to somebody else
    }
}

asio::awaitable<void> async_exchange(ferrule::message_duplex<> end, int worker)
{
    for (int i = 0; i < messages; ++i) {
        const std::string text = "coroutine " + std::to_string(worker) + " message " + std::to_string(i);
        co_await end.async_send(text);
        note(co_await end.async_recv());
    }
}

int main()
{
    auto [mine, other] = ferrule::socketpair(ferrule::varint());
    asio::io_context context;
    //[share
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < workers; ++worker) {
        threads.emplace_back(exchange, mine, worker);
        co_spawn(context, async_exchange(mine, worker), asio::detached);
    }
    threads.emplace_back([&context] { context.run(); });
    //]
    for (int i = 0; i < 2 * workers * messages; ++i)
        other.send(other.recv());
    threads.clear(); // joins
    std::cout << seen.size() << " different messages of " << 2 * workers * messages << '\n';
}
