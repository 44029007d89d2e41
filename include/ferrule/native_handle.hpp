// The operating system's handle of an open end.
#pragma once

namespace ferrule {

#if defined(_WIN32)
using native_handle_type = void*;
inline const native_handle_type invalid_handle = reinterpret_cast<void*>(-1);
#else
using native_handle_type = int;
inline constexpr native_handle_type invalid_handle = -1;
#endif

} // namespace ferrule
