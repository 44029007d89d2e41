// The asynchronous driver, which waits for a lock and for a descriptor without a thread. Private.
#pragma once

#include "platform/on_stop.hpp"
#include "src/core/descriptor_wait.hpp"
#include "src/core/turn.hpp"

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

/// One asynchronous call. Its steps run on its executor, one at a time. Other threads only interrupt it.
///
///     start ─ try lock ─┬─ held ── advance ─┬─ done ─ leave ─ deliver
///                       │            ▲      ├─ again: post ─┐
///                       └─ queued ───┘      └─ wait ────────┤
///                          (timer)               (hub)      │
///                                    ▲──────────────────────┘
///
/// Wherever the operation rests, something of its context will resume it: a posted function, the handler of the timer, or
/// the hub where it waits for the descriptor. A wake-up cancels the timer, or has the hub resume it. So a wake-up needs
/// no memory. When the context ends, `abandon` leaves the stream in order and passes the lock on before the completion
/// handler is destroyed.
class async_operation : public resting {
public:
    async_operation(const async_operation&) = delete;
    async_operation& operator=(const async_operation&) = delete;

    /// Begins the operation `self` in the caller's thread. `slot` may be unconnected. If the result cannot be delivered
    /// otherwise, this throws. In a coroutine, where it must not throw, it delivers inside the call.
    void start(std::shared_ptr<async_operation> self, boost::asio::cancellation_slot slot, bool in_coroutine);
    /// Takes over an operation that has begun, with its turn, its last step, and the caller's use of the channel.
    /// Called before `start`.
    void take_over(turn t, step last, channel_use use) noexcept;

    /// `try_lock` for a holder that continues only when its context runs.
    [[nodiscard]] static bool try_lock(cross_lock& lock) noexcept;

    // Called by the wait point, under its mutex:
    void notify() noexcept final { point().wake_resting(); }

    // Called by the hub:
    const boost::asio::io_context* runs_anywhere_in() const noexcept final;
    void hand_over(std::shared_ptr<resting>& self) noexcept final;
    void go_on(std::shared_ptr<resting> self) final;
    void abandon() noexcept final;

protected:
    /// `c` is null for an operation that only takes the lock.
    async_operation(boost::asio::any_io_executor&& executor, until&& timeout, cross_lock& lock, channel_ptr c);
    ~async_operation();
    void set_operation(operation& op) noexcept
    {
        op_ = &op;
        wait_.emplace(*channel_, op);
    }

    /// Moves the handler out and calls it, on the executor.
    virtual void deliver(error_code ec) = 0;

private:
    class resumption;
    class place_in_queue;
    class stopper {
    public:
        explicit stopper(async_operation* op) noexcept : op_(op) {}
        void operator()() const noexcept { op_->interrupt(errc::cancelled); }

    private:
        async_operation* op_;
    };

    // Each function goes as far as it can. No value means that something will call `go_on`, perhaps already on another
    // thread. Then nothing in this object may be touched any more.
    using outcome = std::optional<error_code>;
    [[nodiscard]] outcome attempt() noexcept;
    [[nodiscard]] outcome run();
    [[nodiscard]] outcome take_lock();
    [[nodiscard]] outcome queue_up();
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
    [[nodiscard]] wait_point& point() noexcept { return *channel_->of(op_->side).point; }

    // The operation owns itself while its steps run. Whatever will resume it takes this over.
    std::shared_ptr<async_operation> self_;
    // The caller's executor, unchanged. What rests with Asio already counts as work of its context. Asio calls a
    // handler without allocating memory only if it belongs to the executor of the timer or descriptor itself.
    boost::asio::any_io_executor executor_;
    boost::asio::execution_context& context_;
    until timeout_;
    cross_lock& lock_;
    channel_ptr channel_;
    operation* op_ = nullptr;

    std::atomic<int> reason_{0}; // an errc once interrupted
    bool starting_ = true;       // inside the call that begins the operation
    bool in_coroutine_ = false;
    bool queued_ = false;
    bool owns_lock_ = false; // the lock itself is the result, so there is no turn
    bool waiting_ = false;   // for the descriptor
    turn turn_;
    std::optional<step> next_; // these two are given by `take_over`
    channel_use entered_;
    std::optional<descriptor_wait> wait_;
    error_code cannot_wait_; // then only what is available already counts
    outcome end_;            // decided, to be delivered

    boost::asio::cancellation_slot slot_;
    std::optional<os::on_stop<stopper>> on_stop_;
    // Both are made when needed, since most operations wait for neither.
    std::unique_ptr<boost::asio::steady_timer> deadline_; // of the wait for the descriptor
    std::atomic<place_in_queue*> place_{nullptr};         // kept until the end, since other threads poke it
};

} // namespace ferrule::detail
