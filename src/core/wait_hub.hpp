// Where the asynchronous operations of an execution context rest while they wait for descriptors. Private.
#pragma once

#include "src/core/wait_point.hpp"

#include <boost/asio/execution_context.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace ferrule::detail {

/// Watches the descriptors of many wait points through one private descriptor, which alone is registered with the
/// reactor of the context. The real descriptors are never given to a reactor, since Asio would set O_NONBLOCK on open
/// file descriptions that others share.
///
/// While an operation rests, one wait of the reactor is under way, which keeps the context at work. When descriptors are
/// ready, or operations are woken, `run` continues the operations, one after the other. Before each of them it lets
/// another thread of the context come to take the next, since a handler may block. What needs its own executor is handed
/// to that. Nothing of this needs memory.
class wait_hub final : public std::enable_shared_from_this<wait_hub>, private os::readiness_set::visitor {
public:
    explicit wait_hub(boost::asio::execution_context& c) noexcept : context_(c) {}
    wait_hub(const wait_hub&) = delete;
    wait_hub& operator=(const wait_hub&) = delete;

    /// Whether this is a hub of `c`. Another context may be at the place of one that has ended.
    [[nodiscard]] bool serves(const boost::asio::execution_context& c) const noexcept
    {
        return &context_ == &c && !ended_;
    }

    // Called under the mutex of a wait point:
    [[nodiscard]] error_code watch(wait_point& p, std::span<const readiness> targets, bool again) noexcept;
    void unwatch(wait_point& p) noexcept;
    /// Called when an operation begins to rest at a point that is watched.
    void has_one_more() noexcept;
    /// Continues `r`, which rests no longer.
    void wake(std::shared_ptr<resting> r) noexcept;

    /// Called when the context ends. Abandons everything that rests here.
    void end() noexcept;

private:
    class handler;
    /// A chain of operations, in the order in which they are to continue.
    class queue {
    public:
        [[nodiscard]] bool empty() const noexcept { return !first_; }
        [[nodiscard]] const resting& first() const noexcept { return *first_; }
        void push(std::shared_ptr<resting> r) noexcept;
        [[nodiscard]] std::shared_ptr<resting> pop() noexcept;

    private:
        std::shared_ptr<resting> first_;
        resting* last_ = nullptr;
    };

    [[nodiscard]] error_code open() noexcept;
    void list(wait_point& p) noexcept;
    void unlist(wait_point& p) noexcept;
    void be_at_work() noexcept;
    void run(bool ready);
    bool found(os::readiness_set::member& m, os::report how) noexcept override;

    boost::asio::execution_context& context_;
    const std::uint32_t generation_ = fork_generation();
    // The memory of the wait under way, so that the next one can always begin.
    alignas(std::max_align_t) std::array<std::byte, 256> memory_;
    std::atomic<bool> ended_ = false;
    std::atomic<std::size_t> at_rest_ = 0;
    std::atomic<bool> at_work_ = false; // a wait of the reactor is under way

    std::mutex mutex_; // guards everything below
    os::readiness_set set_;
    std::optional<os::watched_handle> watched_; // the handle of the set
    wait_point* watching_ = nullptr;            // the points that have targets in the set
    queue ready_;
    bool waits_ = false;  // a wait of the reactor is under way
    bool kicked_ = false; // and is about to end
};

} // namespace ferrule::detail
