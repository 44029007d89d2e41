#include "support/kinds.hpp"

#include "support/find_kind.hpp"
#include "support/memory_packets.hpp"
#include "support/memory_pair.hpp"
#include "windows/pairs.hpp"

#include <ferrule/platform/pair.hpp>

#include <cstdlib>
#include <string>
#include <vector>

namespace ferrule::test {
namespace {

using testing::connection_kind;

std::vector<connection_kind> make()
{
    std::vector<connection_kind> all;
    // Wine takes its time: a tenth of a millisecond for each call.
    const char* const stride = std::getenv("FERRULE_STRIDE");
    const auto add = [&](connection_kind::factory connect) -> connection_kind& {
        connection_kind& k = all.emplace_back(std::string(kind_names[all.size()]), std::move(connect));
        k.stride = stride != nullptr ? std::stoul(stride) : 14;
        return k;
    };
    const auto packets = [](connection_kind& k) -> connection_kind& {
        k.transfers = transfer_kind::message;
        return k;
    };
    const auto tcp = [](connection_kind& k) {
        k.prompt = false;
        k.survives_close = false;
        k.room = 8 * 1024;
    };
    const std::size_t rough = stride != nullptr ? std::stoul(stride) : 42; // others do the same
    add([] { return memory_pair(); }).stride = rough;
    add([] {
        auto e = pipe_descriptors();
        return ends(std::move(e.second), std::move(e.first));
    }).two_way = false;
    {
        connection_kind& k = add(anonymous_pipe);
        k.two_way = false;
        k.prompt = false; // other threads carry the bytes
        k.room = 4 * 1024;
    }
    add([] { return named_pipe_pair(transfer_kind::stream); });
    packets(add([] { return named_pipe_pair(transfer_kind::message); }));
    tcp(add(socketpair_descriptors));
    all.back().stride = rough;
    tcp(add(tcp_pair));
    packets(add([] { return memory_packet_pair(); })).room = 16 * 1024;
    {
        connection_kind& k = packets(add(udp_pair));
        k.has_end = false;
        k.prompt = false;
        k.drops = true;
        k.tells_sender = false;
        k.room = 60 * 1024;
    }
    return all;
}

} // namespace

const connection_kind& kind(std::string_view name)
{
    static const std::vector<connection_kind> all = make();
    return find_kind(all, name);
}

} // namespace ferrule::test
