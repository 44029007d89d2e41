// A program that starts itself as its child and talks to it: what the first examples do with fork, on any system.
#include <ferrule/ferrule.hpp>

#include <cstdio>
#include <string>

using namespace ferrule;

namespace {

// Adds up what comes, one line a number.
//[child
int serve()
{
    message_duplex<> parent(inherited());
    long sum = 0;
    try {
        for (;;) {
            sum += std::stol(std::string(parent.recv().text()));
            parent.send(std::to_string(sum));
        }
    } catch (const eof_error&) { // the parent has closed its end
    }
    return 0;
}
//]

} // namespace

int main(int argc, char** argv)
{
    if (argc > 1)
        return serve();

    //[parent
    auto [child, connection] = spawn_connected({argv[0], "child"}, varint());
    for (const char* number : {"40", "2", "-12"}) {
        connection.send(number);
        const bytes sum = connection.recv(std::chrono::seconds(20));
        std::printf("%.*s\n", static_cast<int>(sum.size()), sum.text().data());
    }
    connection.close();
    //]
    std::printf("the child has ended with %d\n", child.wait().code());
}
