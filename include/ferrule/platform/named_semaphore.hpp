// Semaphores that processes share by name.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <string>

namespace ferrule {

/// A POSIX named semaphore, which is what a lock of Python's multiprocessing is. One thread at a time per object.
class FERRULE_EXPORT named_semaphore {
public:
    /// No semaphore: acquire and release do nothing.
    named_semaphore() noexcept = default;
    /// One that exists, such as "/mp-nuexgoq4"; none if `name` is empty. Throws `error`: what the system says.
    explicit named_semaphore(const std::string& name);
    named_semaphore(named_semaphore&& other) noexcept;
    named_semaphore& operator=(named_semaphore&& other) noexcept;
    ~named_semaphore();

    /// Takes one, and blocks until there is one. Throws `timeout_error`, and `cancelled_error` within 20 ms of a stop request:
    /// the system cannot wait for both.
    void acquire(const until& limit = {});
    void acquire(const until& limit, error_code& ec) noexcept;
    /// Gives one back. May be done by another thread or process than the one that took it.
    void release() noexcept;

private:
    void* semaphore_ = nullptr;
};

} // namespace ferrule
