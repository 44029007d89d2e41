// See platform/on_stop.hpp.
#pragma once

#include <stop_token>

namespace ferrule::os {

/// Calls `F` once when the token's stop is requested, or at once if it has been; from its destruction on no more.
template <class F>
using on_stop = std::stop_callback<F>;

} // namespace ferrule::os
