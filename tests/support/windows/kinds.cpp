#include "support/system_kinds.hpp"
#include "support/windows/pairs.hpp"

#include <cstdlib>
#include <string>

namespace ferrule::test {

void adapt_to_system(std::vector<testing::connection_kind>& all)
{
    for (testing::connection_kind& k : all) {
        if (k.name == "socketpair") { // of TCP, where there are no unix sockets
            k.prompt = false;
            k.survives_close = false;
        }
        if (k.name == "socketpair" || k.name == "TCP")
            k.room = 8 * 1024;
        if (k.name == "UDP")
            k.tells_sender = false;
    }
    {
        testing::connection_kind& k = all.emplace_back("anonymous pipe", anonymous_pipe);
        k.two_way = false;
        k.prompt = false; // other threads carry the bytes
        k.room = pipe_room;
    }
    for (const transfer_kind transfers : {transfer_kind::stream, transfer_kind::message}) {
        testing::connection_kind& k =
            all.emplace_back(transfers == transfer_kind::stream ? "byte pipe" : "message pipe",
                             [transfers] { return named_pipe_pair(transfers); });
        k.transfers = transfers;
        k.room = pipe_room;
    }
    // Wine takes its time: a tenth of a millisecond for each call. And some kinds show nothing that others do not.
    const char* const stride = std::getenv("FERRULE_STRIDE");
    for (testing::connection_kind& k : all)
        k.stride = stride != nullptr                                     ? std::stoul(stride)
                   : k.name == "memory stream" || k.name == "socketpair" ? 42
                                                                         : 14;
}

} // namespace ferrule::test
