// The C++ child of a Python parent; it talks until the other ends are closed:
//     python_child echo <number>            on the descriptor of a multiprocessing.Pipe()
//     python_child sizes <number> <number>  on those of two one-way pipes
//     python_child inherited                on what FERRULE_FD names
//     python_child standard                 on standard input and output, in spite of what else prints
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace ferrule;

namespace {

int echo(descriptor d)
{
    message_duplex<multiprocessing_bytes> parent(std::move(d));
    try {
        for (;;)
            parent.send(parent.recv());
    } catch (const eof_error& e) {
        return e.code() == errc::end_of_stream ? 0 : 3;
    }
}

// Over one-way pipes: receives on `in`, answers with the sizes on `out`.
int sizes(descriptor in, descriptor out)
{
    message_reader<multiprocessing_bytes> from(std::move(in));
    message_writer<multiprocessing_bytes> to(std::move(out));
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
            return echo(adopt(std::atoi(argv[2])));
        if (argc == 4 && argv[1] == std::string("sizes"))
            return sizes(adopt(std::atoi(argv[2])), adopt(std::atoi(argv[3])));
        if (argc == 2 && argv[1] == std::string("inherited"))
            return echo(inherited());
        if (argc == 2 && argv[1] == std::string("standard")) {
            auto [in, out] = take_standard_streams();
            std::puts("printed by some library");
            std::fflush(stdout);
            if (std::getchar() != EOF)
                return 4;
            return sizes(std::move(in), std::move(out));
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "python_child: %s\n", e.what());
        return 1;
    }
    std::fprintf(stderr, "usage: python_child echo <number> | sizes <number> <number> | inherited | standard\n");
    return 2;
}
