#include "platform/windows/on_stop.hpp"

#include <array>
#include <cstddef>
#include <mutex>

namespace ferrule::os {

void put_off(std::shared_ptr<void> what) noexcept
{
    static std::mutex mutex;
    static auto& kept = *new std::array<std::shared_ptr<void>, 64>; // never destroyed, as threads may end later
    static std::size_t next = 0;
    {
        const std::lock_guard guard(mutex);
        kept[next++ % kept.size()].swap(what);
    }
}

} // namespace ferrule::os
