// How long tests wait for what should happen soon.
#pragma once

#include <chrono>

namespace ferrule::test {

/// Nothing takes so long, unless it hangs; a loaded machine or Wine needs some of it.
inline constexpr std::chrono::seconds timeout{40};

} // namespace ferrule::test
