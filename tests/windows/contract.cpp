// The contract suite over what Windows has.
#include "windows/pairs.hpp"

#include "support/keeps_the_contract.hpp"

#include <ferrule/framing/varint.hpp>
#include <ferrule/pair.hpp>

#include <cstdlib>
#include <string>

namespace {

using namespace ferrule;
using testing::connection_kind;

// Wine takes its time: a tenth of a millisecond for each call.
void keeps_the_contract(connection_kind& kind)
{
    const char* const stride = std::getenv("FERRULE_STRIDE");
    kind.stride = stride != nullptr ? std::stoul(stride) : 7;
    test::keeps_the_contract(kind, std::chrono::seconds(kind.stride == 1 ? 900 : 200));
}

} // namespace

TEST_CASE("contract: pipe")
{
    connection_kind k("pipe", [] {
        auto ends = pipe_descriptors();
        return std::pair(std::move(ends.second), std::move(ends.first));
    });
    k.two_way = false;
    keeps_the_contract(k);
}

TEST_CASE("contract: byte pipe")
{
    connection_kind k("byte pipe", [] { return test::named_pipe_pair(transfer_kind::stream); });
    keeps_the_contract(k);
}

TEST_CASE("contract: anonymous pipe")
{
    connection_kind k("anonymous pipe", test::anonymous_pipe);
    k.two_way = false;
    k.prompt = false; // other threads carry the bytes
    k.room = 4 * 1024;
    keeps_the_contract(k);
}

TEST_CASE("contract: message pipe")
{
    connection_kind k("message pipe", [] { return test::named_pipe_pair(transfer_kind::message); });
    k.transfers = transfer_kind::message;
    keeps_the_contract(k);
}

TEST_CASE("contract: TCP")
{
    connection_kind k("TCP", test::tcp_pair);
    k.prompt = false;
    k.survives_close = false;
    k.room = 8 * 1024;
    keeps_the_contract(k);
}

TEST_CASE("contract: UDP")
{
    connection_kind k("UDP", test::udp_pair);
    k.transfers = transfer_kind::message;
    k.has_end = false;
    k.prompt = false;
    k.drops = true;
    k.tells_sender = false;
    k.room = 60 * 1024;
    keeps_the_contract(k);
}

TEST_CASE("pair: both ways")
{
    auto [a, b] = socketpair(varint());
    a.send("there");
    CHECK(b.recv() == byte_view("there"));
    b.send("and back");
    CHECK(a.recv() == byte_view("and back"));
    a.close();
    error_code ec;
    (void)b.recv({}, ec);
    CHECK(ec == errc::end_of_stream);
}
