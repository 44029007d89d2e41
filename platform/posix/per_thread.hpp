// See platform/per_thread.hpp.
#pragma once

namespace ferrule::os {

/// The `T` of this thread, made when it is first asked for. Throws what making it throws.
template <class T>
T& per_thread()
{
    thread_local T it;
    return it;
}

} // namespace ferrule::os
