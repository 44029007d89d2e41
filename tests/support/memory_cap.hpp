// How much memory this process may have.
#pragma once

#include <cstddef>

namespace ferrule::test {

/// While it lives, so much more than there is now. Sanitizers have terabytes, and are not held to it; neither is Wine, which
/// ignores the limit of a job object.
class memory_cap {
public:
    explicit memory_cap(std::size_t more);
    memory_cap(const memory_cap&) = delete;
    memory_cap& operator=(const memory_cap&) = delete;
    ~memory_cap();

private:
    [[maybe_unused]] unsigned long before_ = 0;
};

} // namespace ferrule::test
