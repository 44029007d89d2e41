// See tests/support/memory_cap.hpp.
#pragma once

#include <cstddef>

namespace ferrule::test {

// Nothing: Wine holds nobody to the limit that a job object sets.
class memory_cap {
public:
    explicit memory_cap(std::size_t) {}
    memory_cap(const memory_cap&) = delete;
    memory_cap& operator=(const memory_cap&) = delete;
    ~memory_cap() {}
};

} // namespace ferrule::test
