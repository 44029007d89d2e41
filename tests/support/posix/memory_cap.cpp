#include "support/memory_cap.hpp"

#include "support/posix/descriptors.hpp"
#include "support/sanitizers.hpp"

#include <fstream>

namespace ferrule::test {

memory_cap::memory_cap(std::size_t more)
{
    std::ifstream pages("/proc/self/statm");
    std::size_t has = 0;
    pages >> has;
    if (!sanitized)
        before_ = exchange_limit(RLIMIT_AS, has * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more);
}

memory_cap::~memory_cap()
{
    if (!sanitized)
        exchange_limit(RLIMIT_AS, before_);
}

} // namespace ferrule::test
