#include "support/addresses.hpp"

#include <filesystem>
#include <unistd.h>

namespace ferrule::test {
namespace {

std::string fresh_name()
{
    static int n = 0;
    return "ferrule-test-" + std::to_string(::getpid()) + "-" + std::to_string(++n);
}

} // namespace

std::vector<address> addresses()
{
    return {address::unix_path(std::filesystem::temp_directory_path() / fresh_name()), local_address(),
            address::tcp("127.0.0.1", 0)};
}

address local_address()
{
    return address::unix_abstract(fresh_name());
}

} // namespace ferrule::test
