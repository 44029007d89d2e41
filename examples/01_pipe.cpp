// A message pipe to a forked child: the child sends, the parent receives until the child is done.
#include <ferrule/pair.hpp>

#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

int main()
{
    using namespace std::chrono_literals;
    //[pipe
    auto [from_child, to_parent] = ferrule::pipe(ferrule::varint());

    const pid_t child = fork();
    if (child == 0) {
        to_parent.send("the first message");
        to_parent.send(""); // a message may be empty
        to_parent.send({"made ", "from ", "pieces"});
        _exit(0);
    }
    to_parent.close(); // so that the end of the child is the end of the stream

    while (const auto message = from_child.next(10s))
        std::cout << '[' << message->text() << "]\n";
    std::cout << "the child is done\n";
    //]

    int status = -1;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
