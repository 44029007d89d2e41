// An object that each thread has one of, for as long as anything runs in it. Private.
#pragma once

#if defined(_WIN32)
#include "platform/windows/thread_slot.hpp"
#else
#include "platform/posix/thread_slot.hpp"
#endif

#include <memory>

namespace ferrule::os {

/// The `T` of this thread, made when it is first asked for. Throws `std::bad_alloc`, `error` and what making it throws.
/// It outlives the thread's `thread_local` objects; that of the main thread lives as long as the process. So destructors of these
/// and of static objects may ask for it. It is no `thread_local` object itself: glibc ends the process if there is no memory to
/// register the destructor of one, and MinGW frees the memory of one before destroying it.
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
