// activated_program <address>: sends each line of one connection back, until the end.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/lines.hpp>

#include <cstdio>

using namespace ferrule;

int main(int argc, char** argv)
{
    try {
        listener here(argc == 2 ? argv[1] : "", lines());
        auto peer = here.accept();
        while (const auto line = peer.next())
            peer.send(*line);
        return 0;
    } catch (const error& e) {
        std::fprintf(stderr, "activated_program: %s\n", e.what());
        return 1;
    }
}
