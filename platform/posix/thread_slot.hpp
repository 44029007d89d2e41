// See platform/per_thread.hpp.
#pragma once

#include <ferrule/detail/export.hpp>

#include <pthread.h>

namespace ferrule::os {

/// A pointer that each thread has separately.
class FERRULE_EXPORT thread_slot {
public:
    /// `destroy` is called with the pointer when a thread has ended, so its code must stay in memory until then. Throws
    /// `error`, `std::bad_alloc`.
    explicit thread_slot(void (*destroy)(void*));
    thread_slot(const thread_slot&) = delete;
    thread_slot& operator=(const thread_slot&) = delete;

    [[nodiscard]] void* get() const noexcept { return ::pthread_getspecific(key_); }
    /// Throws `std::bad_alloc`.
    void set(void* p) const;

private:
    ::pthread_key_t key_; // never freed, since threads may end after everything else
};

} // namespace ferrule::os
