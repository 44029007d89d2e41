// Tells a process from the one that forked it.
#pragma once

#include <ferrule/detail/export.hpp>

#include <cstdint>

namespace ferrule::detail {

/// Counts the forks between the first process and this one. Costs a load; may be called by any thread at any time.
FERRULE_EXPORT std::uint32_t fork_generation() noexcept;

} // namespace ferrule::detail
