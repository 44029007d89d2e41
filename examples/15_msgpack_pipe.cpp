// MessagePack through a pipe from a forked child: values of any shape, and structs without any macros.
#include <ferrule/framing/msgpack.hpp>
#include <ferrule/pair.hpp>

#include <iostream>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

//[struct
struct reading {
    std::string sensor;
    double celsius = 0;
    std::vector<int> raw;
};
//]

int main()
{
    //[values
    auto [from_child, to_parent] = ferrule::pipe(ferrule::msgpack_messages<reading>());

    const pid_t child = fork();
    if (child == 0) {
        to_parent.send({"cellar", 11.5, {1150, 1149}}); // {"sensor": "cellar", "celsius": 11.5, "raw": [1150, 1149]}
        to_parent.with(ferrule::msgpack_messages<>()).send(std::map<std::string, int>{{"done", 1}}); // any other value
        _exit(0);
    }
    const reading r = from_child.recv();
    std::cout << r.sensor << ": " << r.celsius << " from " << r.raw.size() << " samples\n";
    std::cout << *from_child.with(ferrule::msgpack_messages<>()).recv() << '\n';
    //]
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
