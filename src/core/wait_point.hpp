// Where the operation that holds a direction waits for the descriptor. Private.
#pragma once

#include "platform/reactor.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace ferrule::detail {

/// Something that waits and can be made to look around.
class waiter {
public:
    /// Called with the wait point's mutex held. Must not block.
    virtual void kick() noexcept = 0;

protected:
    ~waiter() = default;
};

/// The meeting point of one waiting operation with those who interrupt it, and its connection to the reactor of an
/// execution context. Shared, because a context that ends must be able to take its reactor back.
class wait_point : public std::enable_shared_from_this<wait_point> {
public:
    /// Holds the mutex that guards everything below.
    [[nodiscard]] std::unique_lock<std::mutex> guard() noexcept;

    waiter* waiting = nullptr;

    /// Makes `context`'s reactor watch the targets through one private descriptor, which moves between contexts.
    /// The descriptor itself is never handed to a reactor: Asio would set O_NONBLOCK on everybody's open file
    /// description.
    [[nodiscard]] error_code watch(const boost::asio::any_io_executor& executor,
                                   boost::asio::execution_context& context, std::span<const readiness> targets);
    [[nodiscard]] os::watched_handle& watched() noexcept { return *watched_; }
    /// Takes back all interest, so that the context is not woken for what a thread will read.
    void unwatch() noexcept;
    /// The context ends.
    void leave(boost::asio::execution_context& context) noexcept;

    /// Lets whoever waits look around.
    void kick() noexcept
    {
        const auto held = guard();
        if (waiting != nullptr)
            waiting->kick();
    }
    void kick_if(const waiter& w) noexcept
    {
        const auto held = guard();
        if (waiting == &w)
            waiting->kick();
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
    std::unique_ptr<os::watched_handle> watched_; // that of the set
    boost::asio::execution_context* context_ = nullptr;
};

} // namespace ferrule::detail
