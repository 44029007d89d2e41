#include "support/addresses.hpp"

#include "support/windows/raw_pipe.hpp"

namespace ferrule::test {

std::vector<address> addresses()
{
    return {local_address(), address::tcp("127.0.0.1", 0)};
}

address local_address()
{
    return address::pipe(fresh_pipe_name());
}

} // namespace ferrule::test
