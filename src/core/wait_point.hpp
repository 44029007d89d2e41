// The point where the holder of a direction waits for the descriptor. Private.
#pragma once

#include "platform/reactor.hpp"
#include "src/core/fork_guard.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <mutex>
#include <span>

namespace ferrule::detail {

class wait_hub;

/// A waiting operation that can be woken to re-check its state.
class waiter {
public:
    /// Called with the wait point's mutex held. Must not block.
    virtual void notify() noexcept = 0;

protected:
    ~waiter() = default;
};

/// A waiter that keeps no thread. It rests in the hub of its context.
class resting : public waiter {
public:
    /// The context, if its executor is that of the context itself, so that any thread there may call `go_on`. Else null.
    [[nodiscard]] virtual const boost::asio::io_context* runs_anywhere_in() const noexcept = 0;
    /// Lets its executor call `go_on`. The executor takes `self` over, unless memory lacks.
    virtual void hand_over(std::shared_ptr<resting>& self) noexcept = 0;
    /// Continues the operation, which takes `self` over. May throw what a completion handler throws.
    virtual void go_on(std::shared_ptr<resting> self) = 0;
    /// Called instead when the context ends.
    virtual void abandon() noexcept = 0;

protected:
    ~resting() = default;

private:
    friend class wait_hub;
    std::shared_ptr<resting> next_; // woken after this
};

/// Connects one waiting operation with the threads that interrupt it and with the hub of an execution context. Shared,
/// because a context that ends must be able to take its hub back.
class wait_point : public std::enable_shared_from_this<wait_point>, private os::readiness_set::member {
public:
    /// Locks the mutex that guards everything below.
    [[nodiscard]] std::unique_lock<std::mutex> guard() noexcept;

    waiter* waiting = nullptr;

    /// Lets `r` rest in the hub of `context` until a target is ready or `wake_resting` is called. `drained` tells that
    /// the last attempt after the last wait has taken all that had arrived. Takes `r` over unless it fails.
    [[nodiscard]] error_code rest(boost::asio::execution_context& context, std::shared_ptr<resting>&& r,
                                  std::span<const readiness> targets, bool drained) noexcept;
    /// Called by a resting waiter that is notified. From here on nobody waits.
    void wake_resting() noexcept;
    /// Withdraws all interest, so that no context is woken for what a thread will read.
    void unwatch() noexcept;
    /// Called if the operation that has been told of a ready target ends without an attempt.
    void not_heeded() noexcept
    {
        if (report_ == told::heeded)
            report_ = told::unheeded;
    }

    /// Wakes the waiting operation, if there is one.
    void wake() noexcept
    {
        const auto held = guard();
        if (waiting != nullptr)
            waiting->notify();
    }
    void wake_if(const waiter& w) noexcept
    {
        const auto held = guard();
        if (waiting == &w)
            waiting->notify();
    }

    /// Called when the context of `hub` ends. Returns what rests here, if it rests there.
    [[nodiscard]] std::shared_ptr<resting> leave(const wait_hub& hub) noexcept;

    wait_point() noexcept;
    wait_point(const wait_point&) = delete;
    wait_point& operator=(const wait_point&) = delete;
    ~wait_point();

private:
    friend class wait_hub;
    enum class told : unsigned char { nothing, heeded, unheeded };

    /// Guarded by the mutex of the hub.
    struct hub_entry {
        wait_point* previous = nullptr; // of those that have targets in the set
        wait_point* next = nullptr;
    };

    /// A target in the set of `hub` is ready. Called under the mutex of the hub, so this does nothing and returns false
    /// if the mutex of the point is taken. `to` is what has rested here. From here on nobody waits.
    [[nodiscard]] bool report(const wait_hub& hub, os::report how, std::shared_ptr<resting>& to) noexcept;

    fork_guard forked_;
    std::mutex mutex_;
    std::shared_ptr<wait_hub> hub_;
    std::shared_ptr<resting> rests_;
    told report_ = told::nothing; // since the targets were watched
    hub_entry in_hub_;
};

} // namespace ferrule::detail
