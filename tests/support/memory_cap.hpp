// How much memory this process may have.
#pragma once

#include "support/sanitizers.hpp"

#include <cstddef>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace ferrule::test {

// While it lives, so much more than there is now. Sanitizers have terabytes, and are not held to it.
class memory_cap {
public:
    explicit memory_cap(std::size_t more)
    {
        ::getrlimit(RLIMIT_AS, &before_);
        std::ifstream pages("/proc/self/statm");
        std::size_t has = 0;
        pages >> has;
        rlimit capped = before_;
        capped.rlim_cur = has * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
        if (!sanitized)
            ::setrlimit(RLIMIT_AS, &capped);
    }
    memory_cap(const memory_cap&) = delete;
    memory_cap& operator=(const memory_cap&) = delete;
    ~memory_cap() { ::setrlimit(RLIMIT_AS, &before_); }

private:
    rlimit before_{};
};

} // namespace ferrule::test
