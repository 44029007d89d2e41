// Requests and replies with a forked child over a bidirectional socket pair.
#include <ferrule/pair.hpp>

#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

using connection = ferrule::message_duplex<ferrule::varint>;

int serve(connection parent)
{
    try {
        for (;;) {
            ferrule::bytes request = parent.recv();
            for (std::byte& b : request)
                b = static_cast<std::byte>(std::toupper(std::to_integer<int>(b)));
            parent.send(request);
        }
    } catch (const ferrule::eof_error&) {
        return 0; // the parent has no more requests
    }
}

int main()
{
    using namespace std::chrono_literals;
    //[messages
    auto [mine, childs] = ferrule::socketpair(ferrule::varint());
    const pid_t child = fork();
    if (child == 0) {
        mine.close(); // or the child would keep its own connection alive
        _exit(serve(childs));
    }
    childs.close();

    for (const char* request : {"one", "two", "three"}) {
        mine.send(request, 10s);
        std::cout << request << " -> " << mine.recv(10s).text() << '\n';
    }
    mine.close();
    //]

    int status = -1;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
