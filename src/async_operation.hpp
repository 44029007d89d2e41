// The driver for completions: waits for a lock and for a descriptor without a thread. Private.
#pragma once

#include "platform/on_stop.hpp"
#include "src/channel.hpp"
#include "src/descriptor_wait.hpp"
#include "src/operation.hpp"
#include "src/wait_service.hpp"

#include <ferrule/cross_lock.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/requests.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>

namespace ferrule::detail {

/// One asynchronous call. Its steps run on its executor, one at a time; others only interrupt it.
///
///     start ─ try lock ─┬─ held ── advance ─┬─ done ─ unlock ─ deliver
///                       │            ▲      ├─ again: post ─┐
///                       └─ queued ───┘      └─ wait ────────┤
///                          (wake: post)          (ready, kick: completion of the watched descriptor)
///                                    ▲──────────────────────┘
///
/// Whatever the operation waits for holds a reference to it: the lock's queue (through the context's service), a posted
/// function, or the reactor. If that is destroyed instead of run, because the context ends, `abandon` leaves the
/// stream in order and passes the lock on before the handler is destroyed.
class async_operation : public std::enable_shared_from_this<async_operation>, public lock_waiter, public waiter {
public:
    async_operation(const async_operation&) = delete;
    async_operation& operator=(const async_operation&) = delete;

    /// Begins, in the caller's thread. `slot` may be unconnected.
    void start(boost::asio::cancellation_slot slot);
    /// Ends the operation as soon as it is at rest. By any thread; the first reason counts.
    void interrupt(errc why) noexcept;
    /// The context will not run it again. Idempotent.
    void abandon() noexcept;

    // By the lock and the wait point, under their mutexes:
    void wake() noexcept final;
    void kick() noexcept final;

protected:
    /// `c` and `op` are null for an operation that only takes the lock.
    async_operation(boost::asio::any_io_executor executor, until limit, cross_lock& lock, channel_ptr c);
    ~async_operation() = default;
    void set_operation(operation& op) noexcept
    {
        op_ = &op;
        wait_.emplace(*channel_, op.side);
    }
    /// The lock is held already, for this operation.
    void set_holding() noexcept { holding_ = true; }
    /// What a framing threw, if the result is `errc::framing_failed`.
    std::exception_ptr thrown_;

    /// Moves the handler out and calls it, on the executor.
    virtual void deliver(error_code ec) = 0;

private:
    class resumption;
    class stopper {
    public:
        explicit stopper(async_operation* op) noexcept : op_(op) {}
        void operator()() const noexcept { op_->interrupt(errc::cancelled); }

    private:
        async_operation* op_;
    };

    void go_on(bool starting);
    // Each of these goes as far as it can. No value: something will call `go_on`, perhaps already does on another
    // thread, so nothing here may be touched any more.
    using outcome = std::optional<error_code>;
    [[nodiscard]] outcome attempt() noexcept;
    [[nodiscard]] outcome run();
    [[nodiscard]] outcome take_lock();
    [[nodiscard]] outcome transfer();
    [[nodiscard]] outcome wait();
    void leave_queue() noexcept;
    void leave_direction(bool failed) noexcept;
    void stay(std::optional<lock_time> ask_again_at) noexcept final;
    bool runs_with(const lock_waiter& other) const noexcept final
    {
        return executor_ == static_cast<const async_operation&>(other).executor_;
    }
    void set_timer(deadline::clock::time_point at);
    void finish(error_code ec, bool starting);
    [[nodiscard]] wait_point& point() noexcept { return *channel_->of(op_->side).point; }

    boost::asio::any_io_executor executor_; // keeps its context running
    boost::asio::execution_context& context_;
    until limit_;
    cross_lock& lock_;
    channel_ptr channel_;
    operation* op_ = nullptr;

    std::atomic<int> reason_{0}; // an errc once interrupted
    std::atomic<bool> over_{false};
    bool posted_ = false; // a wake-up is on its way; guarded by the lock's mutex
    bool holding_ = false;
    bool waiting_ = false; // for the descriptor
    std::optional<descriptor_wait> wait_;
    outcome end_; // decided, to be delivered

    std::optional<wait_service::link::iterator> queued_;
    boost::asio::cancellation_slot slot_;
    std::optional<os::on_stop<stopper>> on_stop_;
    // Of the operation, not of the direction: a timer left armed for the next one would keep its context running until
    // a deadline that no longer matters.
    std::optional<boost::asio::steady_timer> timer_;
    deadline::clock::time_point timer_at_ = deadline::clock::time_point::max();
};

} // namespace ferrule::detail
