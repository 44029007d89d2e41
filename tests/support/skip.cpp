#include "support/skip.hpp"

#include <cstdio>
#include <cstdlib>

namespace ferrule::test {

void skip(std::string reason)
{
    std::printf("skipped: %s\n", reason.c_str());
    std::fflush(nullptr); // _Exit does not
    std::_Exit(77);
}

} // namespace ferrule::test
