// A large message with a progress bar at each end.
#include <ferrule/framing/progress.hpp>
#include <ferrule/framing/varint.hpp>
#include <ferrule/message.hpp>
#include <ferrule/pair.hpp>

#include <cstdio>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

// Draws on standard error: [##########..........]  50 %
auto bar(const char* title)
{
    return [title](std::size_t done, std::size_t total) {
        const std::string marks(20 * done / total, '#');
        std::fprintf(stderr, "%s [%-20s] %3zu %%%s", title, marks.c_str(), 100 * done / total,
                     done == total ? "\n" : "\r");
    };
}

int main()
{
    //[progress
    auto [mine, childs] = ferrule::socketpair(ferrule::progress<ferrule::varint>(bar("received"), bar("sent    ")));
    const pid_t child = fork();
    if (child == 0) {
        mine.close();
        childs.send(childs.recv()); // there and back again
        _exit(0);
    }
    childs.close();
    //]

    const std::string large(64 << 20, 'x');
    mine.send(large);
    std::cout << (mine.recv() == ferrule::byte_view(large) ? "the same" : "something else") << " came back\n";
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
