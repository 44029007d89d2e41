// The contract suite of the public test kit, over every kind of connection.
#include "support/keeps_the_contract.hpp"
#include "support/kinds.hpp"

namespace {

using namespace ferrule;

void keeps_the_contract(std::string_view name)
{
    test::keeps_the_contract(test::kind(name));
}

} // namespace

// One test case each, so that they run side by side.
TEST_CASE("contract: memory stream")
{
    keeps_the_contract("memory stream");
}
TEST_CASE("contract: pipe")
{
    keeps_the_contract("pipe");
}
TEST_CASE("contract: FIFO")
{
    keeps_the_contract("FIFO");
}
TEST_CASE("contract: socketpair")
{
    keeps_the_contract("socketpair");
}
TEST_CASE("contract: TCP")
{
    keeps_the_contract("TCP");
}
TEST_CASE("contract: pty")
{
    keeps_the_contract("pty");
}
TEST_CASE("contract: pty master sends")
{
    keeps_the_contract("pty master sends");
}
TEST_CASE("contract: memory packets")
{
    keeps_the_contract("memory packets");
}
TEST_CASE("contract: unix datagram")
{
    keeps_the_contract("unix datagram");
}
TEST_CASE("contract: seqpacket")
{
    keeps_the_contract("seqpacket");
}
TEST_CASE("contract: UDP")
{
    keeps_the_contract("UDP");
}
TEST_CASE("contract: handle link")
{
    keeps_the_contract("handle link");
}
