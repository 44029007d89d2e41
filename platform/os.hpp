// The system's services for the core, besides descriptors; implemented once per system. Private.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <span>

namespace ferrule::os {

/// Whether the process certainly has no other thread. False if unknown.
[[nodiscard]] bool single_threaded() noexcept;

/// Gives way within a loop that polls memory, without a system call.
inline void relax() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Wakes a thread that waits in `wait`. Each thread has one, made at its first wait, so objects need none.
class wakeup {
public:
    /// Throws `error` if the system has no descriptor left.
    static wakeup& of_this_thread();
    /// Returns null if the system has no descriptor left.
    static wakeup* try_of_this_thread() noexcept
    {
        try {
            return &of_this_thread();
        } catch (...) {
            return nullptr;
        }
    }

    wakeup(const wakeup&) = delete;
    wakeup& operator=(const wakeup&) = delete;

    /// Makes the thread's current or next `wait` return. Thread-safe.
    void signal() noexcept;
    /// Withdraws a signal; called by the thread itself.
    void clear() noexcept;
    [[nodiscard]] native_handle_type handle() const noexcept { return handle_; }

private:
    wakeup();
    ~wakeup();
    void open();

    native_handle_type handle_ = invalid_handle;
    [[maybe_unused]] std::uint32_t generation_ = 0; // of forks, where the system has them
};

enum class wait_result : unsigned char { ready, woken, late };

/// Blocks until one of the targets (at most four) is ready, `w` is signalled, or the deadline passes. After a passed
/// deadline the targets are still checked once. A target that became invalid counts as ready, so that the next attempt
/// reports it.
[[nodiscard]] wait_result wait(std::span<const readiness> targets, wakeup& w, const deadline& d) noexcept;

} // namespace ferrule::os
