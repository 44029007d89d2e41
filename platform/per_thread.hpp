// One object per thread, for as long as code runs in the thread. Private.
#pragma once

#if defined(_WIN32)
#include "platform/windows/thread_slot.hpp"
#else
#include "platform/posix/thread_slot.hpp"
#endif

#include <memory>

namespace ferrule::os {

/// The `T` of this thread, made at the first call. Throws `std::bad_alloc`, `error`, and what the constructor throws.
///
/// The object outlives the thread's `thread_local` objects; in the main thread it lives as long as the process. So
/// destructors of such objects and of static objects may use it. It is not itself `thread_local`, for two reasons.
/// glibc ends the process if there is no memory to register a destructor, and MinGW frees the memory before destroying
/// the object.
template <class T>
T& per_thread()
{
    static const thread_slot slot([](void* p) { delete static_cast<T*>(p); });
    if (void* const p = slot.get())
        return *static_cast<T*>(p);
    auto made = std::make_unique<T>();
    slot.set(made.get());
    return *made.release();
}

} // namespace ferrule::os
