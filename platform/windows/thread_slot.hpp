// See platform/per_thread.hpp.
#pragma once

namespace ferrule::os {

/// A pointer that each thread has separately.
class thread_slot {
public:
    /// `destroy` is called with the pointer when a thread ends. Throws `error`.
    explicit thread_slot(void (*destroy)(void*));
    thread_slot(const thread_slot&) = delete;
    thread_slot& operator=(const thread_slot&) = delete;

    [[nodiscard]] void* get() const noexcept;
    /// Throws `std::bad_alloc`.
    void set(void* p) const;

private:
    unsigned long index_; // never freed, since threads may end after everything else
};

} // namespace ferrule::os
