// One lock for a thread and a coroutine, held across a wait of the coroutine, which blocks neither its thread nor its context.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <mutex>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;

ferrule::cross_lock lock;
int balance = 0; // guarded by lock

//[coroutine
asio::awaitable<void> deposit(int times)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < times; ++i) {
        co_await lock.async_lock(10s);
        const std::lock_guard guard(lock, std::adopt_lock);
        const int before = balance;
        timer.expires_after(100us);
        co_await timer.async_wait(asio::use_awaitable); // meanwhile the lock is held
        balance = before + 1;
    }
}
//]

int main()
{
    //[thread
    std::jthread thread([] {
        for (int i = 0; i < 100; ++i) {
            const std::scoped_lock guard(lock);
            ++balance;
        }
    });
    //]
    asio::io_context context;
    auto finished = co_spawn(context, deposit(100), asio::use_future);
    context.run();
    finished.get();
    thread.join();
    std::cout << "balance: " << balance << '\n';
}
