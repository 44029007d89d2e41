// See platform/per_thread.hpp.
#pragma once

#include <ferrule/detail/export.hpp>

#include <memory>
#include <pthread.h>

namespace ferrule::os {

/// A pointer of each thread's own, for when its `thread_local` objects are gone.
class FERRULE_EXPORT late_slot {
public:
    /// `destroy` is called with the pointer when a thread has ended. Throws `error`.
    explicit late_slot(void (*destroy)(void*));
    late_slot(const late_slot&) = delete;
    late_slot& operator=(const late_slot&) = delete;

    [[nodiscard]] void* get() const noexcept { return ::pthread_getspecific(key_); }
    /// Throws `error`.
    void set(void* p) const;

private:
    ::pthread_key_t key_; // never given back: threads may end after everything else
};

/// The `T` of this thread, made when it is first asked for. Throws what making it throws.
/// Destructors of other `thread_local` objects, and of static ones, may ask after the thread's has been destroyed. They get another
/// one, which lives until the thread has ended; that of the main thread, as long as the process.
template <class T>
T& per_thread()
{
    thread_local bool is_gone = false;
    struct holder {
        T it;
        ~holder() { is_gone = true; }
    };
    if (!is_gone) {
        thread_local holder mine;
        return mine.it;
    }
    static const late_slot slot([](void* p) { delete static_cast<T*>(p); });
    if (void* const p = slot.get())
        return *static_cast<T*>(p);
    auto made = std::make_unique<T>();
    slot.set(made.get());
    return *made.release();
}

} // namespace ferrule::os
