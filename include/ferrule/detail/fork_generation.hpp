// Tells a process from its parent after a fork.
#pragma once

#include <ferrule/detail/export.hpp>

#include <atomic>
#include <cstdint>

namespace ferrule::detail {

/// Points to the generation, on a memory page that a fork wipes in the child.
FERRULE_EXPORT extern std::atomic<const std::atomic<std::uint32_t>*> generation_page;
FERRULE_EXPORT std::uint32_t next_fork_generation() noexcept;

/// The number of forks between the first process and this one, never 0. Thread-safe.
inline std::uint32_t fork_generation() noexcept
{
    const std::uint32_t g = generation_page.load(std::memory_order_acquire)->load(std::memory_order_relaxed);
    return g != 0 ? g : next_fork_generation();
}

} // namespace ferrule::detail
