// echo_program <name of any_framing>: each message of standard input goes to standard output reversed, until the end.
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/message.hpp>

#include <algorithm>
#include <cstdio>

using namespace ferrule;

int main(int argc, char** argv)
{
    try {
        const any_framing framing(argc == 2 ? argv[1] : "");
        message_reader<any_framing> in(adopt(0), framing);
        message_writer<any_framing> out(adopt(1), framing);
        for (;;) {
            bytes message = in.recv();
            std::ranges::reverse(message);
            out.send(message);
        }
    } catch (const error& e) {
        if (e.code() == errc::end_of_stream)
            return 0;
        std::fprintf(stderr, "echo_program: %s\n", e.what());
        return 1;
    }
}
