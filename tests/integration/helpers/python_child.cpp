// The C++ child of a Python parent: python_child echo <number>, or python_child sizes <number> <number>.
// Talks to the other ends of the multiprocessing.Pipe() whose descriptor numbers it is given, until they are closed.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace ferrule;

namespace {

int echo(int number)
{
    message_duplex<multiprocessing_bytes> parent(adopt(number));
    try {
        for (;;)
            parent.send(parent.recv());
    } catch (const eof_error& e) {
        return e.code() == errc::end_of_stream ? 0 : 3;
    }
}

// Over one-way pipes: receives on `in`, answers with the sizes on `out`.
int sizes(int in, int out)
{
    message_reader<multiprocessing_bytes> from(adopt(in));
    message_writer<multiprocessing_bytes> to(adopt(out));
    try {
        for (;;)
            to.send(std::to_string(from.recv().size()));
    } catch (const eof_error& e) {
        return e.code() == errc::end_of_stream ? 0 : 3;
    }
}

} // namespace

int main(int argc, char** argv)
{
    try {
        if (argc == 3 && argv[1] == std::string("echo"))
            return echo(std::atoi(argv[2]));
        if (argc == 4 && argv[1] == std::string("sizes"))
            return sizes(std::atoi(argv[2]), std::atoi(argv[3]));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "python_child: %s\n", e.what());
        return 1;
    }
    std::fprintf(stderr, "usage: python_child echo <number> | sizes <number> <number>\n");
    return 2;
}
