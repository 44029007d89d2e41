// Named semaphores, shared between processes.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <string>

namespace ferrule {

/// A POSIX named semaphore, the form of a lock in Python's multiprocessing.
///
/// Thread safety: one thread at a time per object.
class FERRULE_EXPORT named_semaphore {
public:
    /// Makes an empty object, for which acquire and release do nothing.
    named_semaphore() noexcept = default;
    /// Opens an existing semaphore, such as "/mp-nuexgoq4". The object is empty if `name` is. Throws `error` with the
    /// system's code.
    explicit named_semaphore(const std::string& name);
    named_semaphore(named_semaphore&& other) noexcept;
    named_semaphore& operator=(named_semaphore&& other) noexcept;
    ~named_semaphore();

    /// Decrements the semaphore; blocks while it is 0. Throws `timeout_error`, and `cancelled_error` within 20 ms of a
    /// stop request. The system cannot wait for both.
    void acquire(const until& timeout = {});
    void acquire(const until& timeout, error_code& ec) noexcept;
    /// Increments the semaphore. Any thread or process may release what another has acquired.
    void release() noexcept;

private:
    void* semaphore_ = nullptr;
};

} // namespace ferrule
