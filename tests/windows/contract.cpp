// The contract suite over what Windows has.
#include "support/keeps_the_contract.hpp"
#include "support/kinds.hpp"

namespace {

using namespace ferrule;

void keeps_the_contract(std::string_view name)
{
    const testing::connection_kind& kind = test::kind(name);
    test::keeps_the_contract(kind, std::chrono::seconds(kind.stride == 1 ? 900 : 200));
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
TEST_CASE("contract: anonymous pipe")
{
    keeps_the_contract("anonymous pipe");
}
TEST_CASE("contract: byte pipe")
{
    keeps_the_contract("byte pipe");
}
TEST_CASE("contract: message pipe")
{
    keeps_the_contract("message pipe");
}
TEST_CASE("contract: socketpair")
{
    keeps_the_contract("socketpair");
}
TEST_CASE("contract: TCP")
{
    keeps_the_contract("TCP");
}
TEST_CASE("contract: memory packets")
{
    keeps_the_contract("memory packets");
}
TEST_CASE("contract: UDP")
{
    keeps_the_contract("UDP");
}
