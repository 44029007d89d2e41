// The same as 01 with coroutines in both processes. No endpoint belongs to an execution context: a call waits on the one
// that its coroutine runs on.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> produce(ferrule::message_writer<> out)
{
    co_await out.async_send("the first message");
    co_await out.async_send("the second message");
}

//[coroutine
asio::awaitable<void> consume(ferrule::message_reader<> in)
{
    try {
        for (;;) {
            const ferrule::bytes message = co_await in.async_recv(10s);
            std::cout << '[' << message.text() << "]\n";
        }
    } catch (const ferrule::eof_error&) {
        std::cout << "the child is done\n";
    }
}
//]

int main()
{
    auto [from_child, to_parent] = ferrule::pipe(ferrule::varint());
    const pid_t child = fork();
    asio::io_context context;
    auto finished = co_spawn(context, child == 0 ? produce(to_parent) : consume(from_child), asio::use_future);
    if (child != 0)
        to_parent.close();
    context.run();
    finished.get(); // throws what the coroutine threw
    if (child == 0)
        _exit(0);
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
