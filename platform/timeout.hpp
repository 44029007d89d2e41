// Timeouts for the system's wait functions. Private.
#pragma once

#include <ferrule/deadline.hpp>

#include <algorithm>
#include <chrono>

namespace ferrule::os {

/// The time until `d` in milliseconds, at most a day, after which the caller asks again. −1, which Windows calls
/// INFINITE, means no timeout.
inline int milliseconds_until(const deadline& d) noexcept
{
    if (d.is_never())
        return -1;
    if (d.is_now())
        return 0;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(d.at() - deadline::clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 24 * 3600 * 1000));
}

} // namespace ferrule::os
