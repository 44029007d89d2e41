// See platform/on_stop.hpp.
#pragma once

#include <stop_token>

namespace ferrule::os {

/// Calls `F` once when the token's stop is requested, immediately if it already was, and never after its destruction.
template <class F>
using on_stop = std::stop_callback<F>;

} // namespace ferrule::os
