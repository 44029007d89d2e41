// See platform/per_thread.hpp.
#pragma once

#include <memory>

namespace ferrule::os {

/// A pointer of each thread's own.
class thread_slot {
public:
    /// `destroy` is called with the pointer when a thread ends. Throws `error`.
    explicit thread_slot(void (*destroy)(void*));
    thread_slot(const thread_slot&) = delete;
    thread_slot& operator=(const thread_slot&) = delete;

    [[nodiscard]] void* get() const noexcept;
    void set(void* p) const;

private:
    unsigned long index_; // never given back: threads may end after everything else
};

/// The `T` of this thread, made when it is first asked for. Throws `std::bad_alloc`, `error` and what making it throws.
/// Not `thread_local`: MinGW frees the memory of such objects before it destroys them.
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
