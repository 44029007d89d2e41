// How long the system's wait functions are to wait. Private.
#pragma once

#include <ferrule/deadline.hpp>

#include <algorithm>
#include <chrono>

namespace ferrule::os {

/// In milliseconds, at most a day: whoever waits asks again. −1, which Windows calls INFINITE: without end.
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
