// Tells a process from the one that forked it.
#pragma once

#include <ferrule/detail/export.hpp>

#include <atomic>
#include <cstdint>

namespace ferrule::detail {

/// Where the generation is kept: on memory that a fork wipes in the child.
FERRULE_EXPORT extern std::atomic<const std::atomic<std::uint32_t>*> generation_page;
FERRULE_EXPORT std::uint32_t next_fork_generation() noexcept;

/// Counts the forks between the first process and this one; never 0. May be called by any thread at any time.
inline std::uint32_t fork_generation() noexcept
{
    const std::uint32_t g = generation_page.load(std::memory_order_acquire)->load(std::memory_order_relaxed);
    return g != 0 ? g : next_fork_generation();
}

} // namespace ferrule::detail
