// Messages through memory that two processes share. The socket between them only brings them together.
#include <ferrule/ferrule.hpp>
#include <ferrule/net/shared_memory.hpp>

#include <cstdio>
#include <string>

using namespace ferrule;
using namespace std::chrono_literals;

namespace {

// Answers each request in capitals.
int serve()
{
    message_duplex<> parent(share_memory(duplex(inherited()), {}, 20s));
    try {
        for (;;) {
            std::string text(parent.recv().text());
            for (char& c : text)
                c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            parent.send(text);
        }
    } catch (const eof_error&) { // the parent has closed its end
    }
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc > 1)
        return serve();

    //[share
    auto [child, socket] = spawn_connected({argv[0], "child"});
    message_duplex<> fast(share_memory(socket, shared_memory_options().capacity(1 << 20), 20s));
    fast.send("through shared memory");
    const bytes answer = fast.recv(20s);
    //]
    std::printf("%.*s\n", static_cast<int>(answer.size()), answer.text().data());
    fast.close();
    std::printf("the child has ended with %d\n", child.wait().code());
}
