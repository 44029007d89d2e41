// The point where the holder of a direction waits for the descriptor. Private.
#pragma once

#include "platform/reactor.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace ferrule::detail {

/// A blocked operation that can be woken to re-check its state.
class waiter {
public:
    /// Called with the wait point's mutex held. Must not block.
    virtual void notify() noexcept = 0;

protected:
    ~waiter() = default;
};

/// Connects one waiting operation with the threads that interrupt it and with the reactor of an execution context.
/// Shared, because a context that ends must be able to take its reactor back.
class wait_point : public std::enable_shared_from_this<wait_point> {
public:
    /// Locks the mutex that guards everything below.
    [[nodiscard]] std::unique_lock<std::mutex> guard() noexcept;

    waiter* waiting = nullptr;

    /// Makes `context`'s reactor watch the targets through one private descriptor, which moves between contexts. The
    /// real descriptor is never given to a reactor, since Asio would set O_NONBLOCK on an open file description that
    /// others share.
    [[nodiscard]] error_code watch(const boost::asio::any_io_executor& executor,
                                   boost::asio::execution_context& context, std::span<const readiness> targets);
    [[nodiscard]] os::watched_handle& watched() noexcept { return *watched_; }
    /// Withdraws all interest, so that the context is not woken for what a thread will read.
    void unwatch() noexcept;
    /// Called when the context ends.
    void leave(boost::asio::execution_context& context) noexcept;

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

    wait_point() noexcept;
    wait_point(const wait_point&) = delete;
    wait_point& operator=(const wait_point&) = delete;
    ~wait_point();

private:
    void stop_watching() noexcept;
    void recover_from_fork(std::uint32_t generation) noexcept;

    std::mutex mutex_;
    std::atomic<std::uint32_t> generation_;
    os::readiness_set set_;
    std::unique_ptr<os::watched_handle> watched_; // for the handle of the set
    boost::asio::execution_context* context_ = nullptr;
};

} // namespace ferrule::detail
