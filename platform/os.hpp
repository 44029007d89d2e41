// What the core needs of an operating system besides descriptors; implemented once per system. Private.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <memory>
#include <span>

namespace ferrule::os {

/// Whether the process certainly has no other thread. False when unknown.
[[nodiscard]] bool single_threaded() noexcept;

/// Wakes a thread that waits in `wait`. Each thread has one, made when it first waits, so objects need none.
class wakeup {
public:
    /// Throws `error` if the system has no descriptor left.
    static wakeup& of_this_thread();
    /// Null then.
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

    /// Lets the thread's current or next `wait` return. Any thread may call it.
    void signal() noexcept;
    /// Takes back a signal, by the thread itself.
    void clear() noexcept;
    [[nodiscard]] native_handle_type handle() const noexcept { return handle_; }

private:
    wakeup();
    ~wakeup();
    void open();

    native_handle_type handle_ = invalid_handle;
    [[maybe_unused]] std::uint32_t generation_ = 0; // of forks, where there are any
};

enum class wait_result : unsigned char { ready, woken, late };

/// Blocks until one of the targets (at most four) is ready, somebody signals, or the deadline passes; a passed deadline
/// still looks once. A target that became invalid counts as ready, so that the attempt that follows reports it.
[[nodiscard]] wait_result wait(std::span<const readiness> targets, wakeup& w, const deadline& d) noexcept;

/// Gathers what one direction waits for behind one handle that a reactor can watch. Level-triggered and changed only
/// when the targets change. Not thread-safe.
class readiness_set {
public:
    readiness_set() noexcept;
    readiness_set(readiness_set&& other) noexcept;
    readiness_set& operator=(readiness_set&& other) noexcept;
    ~readiness_set();

    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] error_code open() noexcept;
    /// The handle becomes readable when a target is ready.
    [[nodiscard]] native_handle_type handle() const noexcept;
    /// Replaces the targets; at most two.
    [[nodiscard]] error_code watch(std::span<const readiness> targets) noexcept;
    /// Watches nothing; cheap when that is so already. Must precede closing a target.
    void unwatch() noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace ferrule::os
