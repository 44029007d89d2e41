// The driver for completions: waits for a lock and for a descriptor without a thread. Private.
#pragma once

#include "platform/on_stop.hpp"
#include "src/descriptor_wait.hpp"
#include "src/turn.hpp"

#include <ferrule/cross_lock.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/requests.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>

namespace ferrule::detail {

class wait_service;

/// One asynchronous call. Its steps run on its executor, one at a time; others only interrupt it.
///
///     start ─ try lock ─┬─ held ── advance ─┬─ done ─ leave ─ deliver
///                       │            ▲      ├─ again: post ─┐
///                       └─ queued ───┘      └─ wait ────────┤
///                          (timer)             (reactor)    │
///                                    ▲──────────────────────┘
///
/// Wherever it rests, Asio holds what will resume it: a posted function, or the handler of the timer or of the watched
/// descriptor, which a wake-up cancels. So a wake-up needs no memory, and a context that ends destroys the handler:
/// then `abandon` leaves the stream in order and passes the lock on before the completion handler is destroyed.
class async_operation : public std::enable_shared_from_this<async_operation>, public lock_waiter, public waiter {
public:
    async_operation(const async_operation&) = delete;
    async_operation& operator=(const async_operation&) = delete;

    /// Begins, in the caller's thread. `slot` may be unconnected. What could not be delivered otherwise is delivered inside in
    /// a coroutine, where throwing is no way out; else this throws.
    void start(boost::asio::cancellation_slot slot, bool in_coroutine);
    /// Before `start`: the operation has begun already, holds this turn, and has said `next`.
    void take_over(turn t, step next) noexcept;

    /// `try_lock` for a holder that goes on only when its context runs.
    [[nodiscard]] static bool try_lock(cross_lock& lock) noexcept;

    // By the lock and the wait point, under their mutexes:
    void wake() noexcept final;
    void kick() noexcept final;
    error_code stay(std::optional<lock_time> ask_again_at) noexcept final;
    bool runs_with(const lock_waiter& other) const noexcept final
    {
        return executor_ == static_cast<const async_operation&>(other).executor_;
    }

protected:
    /// `c` and `op` are null for an operation that only takes the lock.
    async_operation(boost::asio::any_io_executor&& executor, until&& limit, cross_lock& lock, channel_ptr c);
    ~async_operation() = default;
    void set_operation(operation& op) noexcept
    {
        op_ = &op;
        wait_.emplace(*channel_, op);
    }

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

    // Each of these goes as far as it can. No value: something will call `go_on`, perhaps already does on another
    // thread, so nothing here may be touched any more.
    using outcome = std::optional<error_code>;
    void go_on();
    [[nodiscard]] outcome attempt() noexcept;
    [[nodiscard]] outcome run();
    [[nodiscard]] outcome take_lock();
    [[nodiscard]] outcome transfer();
    [[nodiscard]] outcome wait();
    [[nodiscard]] step forward() noexcept;
    [[nodiscard]] step advance(const channel_use& use) noexcept;
    void interrupt(errc why) noexcept;
    template <class HandOver>
    void rest(HandOver hand_over);
    void post();
    void set_deadline();
    void leave(std::optional<operation::ending> failure, error_code& ec) noexcept;
    void finish(error_code ec);
    void abandon() noexcept;
    [[nodiscard]] wait_point& point() noexcept { return *channel_->of(op_->side).point; }

    // That of the caller, unchanged: what rests with Asio is its context's work already, and Asio calls a handler without
    // allocating memory only if it belongs to the very executor of the timer or descriptor.
    boost::asio::any_io_executor executor_;
    boost::asio::execution_context& context_;
    until limit_;
    cross_lock& lock_;
    channel_ptr channel_;
    operation* op_ = nullptr;

    std::atomic<int> reason_{0}; // an errc once interrupted
    bool starting_ = true;       // inside the call that begins the operation
    bool in_coroutine_ = false;
    bool queued_ = false;
    bool owns_lock_ = false; // without a turn: the lock itself is the result
    bool waiting_ = false;   // for the descriptor
    turn turn_;
    std::optional<step> next_; // said already
    std::optional<descriptor_wait> wait_;
    error_code cannot_wait_; // then what is there already has to do
    outcome end_;            // decided, to be delivered

    boost::asio::cancellation_slot slot_;
    std::optional<os::on_stop<stopper>> on_stop_;
    // Of the operation, not of the direction: a timer left armed for the next one would keep its context running until
    // a deadline that no longer matters. In the queue it is what the operation rests on; otherwise it interrupts.
    std::optional<boost::asio::steady_timer> timer_;
    bool deadline_set_ = false;
    wait_service* service_ = nullptr; // its context's, once it has queued
};

} // namespace ferrule::detail
