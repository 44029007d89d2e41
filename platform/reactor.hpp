// Watching handles in the reactor of an execution context. Private.
#pragma once

#include "platform/os.hpp"

#include <memory>
#include <span>

namespace ferrule::os {

/// How a `readiness_set` reports a member of which a target is ready.
enum class report : unsigned char {
    level, // again and again, as long as the target is ready
    edge,  // not again before the target becomes ready anew
    last   // not again at all, as after the end of a stream
};

/// Combines the targets of many members behind one handle that a reactor can watch. Not thread-safe.
class readiness_set {
public:
    /// Somebody who waits, and derives from this. Must be watched for nothing when destroyed. `is_watched()` tells whether
    /// a set has a target of it, and `is_watched_for(targets)` whether `watch` without `again` would change nothing.
    /// `forget()`, in the child of a fork, drops what belongs to a set of the parent.
    class member;
    class visitor {
    public:
        /// Returns false if it cannot take the report now. Then the target is reported again.
        [[nodiscard]] virtual bool found(member& m, report how) noexcept = 0;

    protected:
        ~visitor() = default;
    };

    readiness_set() noexcept;
    readiness_set(readiness_set&& other) noexcept;
    readiness_set& operator=(readiness_set&& other) noexcept;
    ~readiness_set();

    [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr; }
    [[nodiscard]] error_code open() noexcept;
    /// The handle, which becomes readable when a target becomes ready.
    [[nodiscard]] native_handle_type handle() const noexcept;
    /// Replaces the targets of `m`, at most two. A target that is ready already is reported, too, unless it is known
    /// and its last report said otherwise; with `again` it is in any case.
    [[nodiscard]] error_code watch(member& m, std::span<const readiness> targets, bool again) noexcept;
    /// Watches nothing for `m`. Must precede closing a target.
    void unwatch(member& m) noexcept;
    /// Calls `v.found` for the members of which a target is ready. `found` must not use the set.
    void visit_ready(visitor& v) noexcept;

private:
    struct entry; // what a system keeps for a descriptor or a member
    struct state;

    std::unique_ptr<state> state_;
};

} // namespace ferrule::os

#if defined(_WIN32)
#include "platform/windows/reactor.hpp"
#else
#include "platform/posix/reactor.hpp"
#endif
