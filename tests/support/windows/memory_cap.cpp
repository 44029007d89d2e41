#include "support/memory_cap.hpp"

namespace ferrule::test {

memory_cap::memory_cap(std::size_t) {}
memory_cap::~memory_cap() = default;

} // namespace ferrule::test
