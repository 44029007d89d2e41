// Waiting for many things at the same time. Private.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace ferrule::os {

/// Waits for many targets and a time by one handle. The handle polls readable when a target is ready or the time has
/// come, and until `ready` finds nothing.
class poll_set {
public:
    /// Throws `error`.
    poll_set();
    poll_set(const poll_set&) = delete;
    poll_set& operator=(const poll_set&) = delete;
    ~poll_set();

    [[nodiscard]] readiness wait_handle() const noexcept;
    /// `what` must not be `now()` or be in the set already; `key` must not be null. Throws `error`, `std::bad_alloc`.
    void add(const void* key, const readiness& what);
    /// Must precede closing what it waits for.
    void remove(const readiness& what) noexcept;
    void set_time(const deadline& d) noexcept;
    /// Stores the keys of the ready targets, as many as fit; null stands for the time. Returns their number.
    [[nodiscard]] std::size_t ready(std::span<const void*> out) noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace ferrule::os
