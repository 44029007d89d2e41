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
/// While an operation rests, one wait of the reactor is under way, which keeps the context at work. When a descriptor
/// is ready, or an operation is woken, `run` hands the operations to their executors. It runs the last one itself, if any
/// thread of the context may. Nothing of this needs memory.
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

    // Called under the mutex of `p`:
    /// Lets `r` rest until a target is ready or `wake` is called. `again` is as in `readiness_set::watch`.
    [[nodiscard]] error_code rest(wait_point& p, std::shared_ptr<resting> r, std::span<const readiness> targets,
                                  bool again) noexcept;
    void wake(wait_point& p) noexcept;
    void unwatch(wait_point& p) noexcept;
    /// Returns what rests at `p`, which rests no longer.
    [[nodiscard]] std::shared_ptr<resting> take_off(wait_point& p) noexcept;

    /// Called when the context ends. Abandons everything that rests here.
    void end() noexcept;

private:
    class handler;

    [[nodiscard]] error_code open() noexcept;
    void list(wait_point& p) noexcept;
    void unlist(wait_point& p) noexcept;
    void start() noexcept;
    void kick() noexcept;
    void run(bool ready);
    void found(os::readiness_set::member& m, os::report how) noexcept override;
    [[nodiscard]] std::shared_ptr<resting> take_woken() noexcept;
    void put_back(std::shared_ptr<resting> r) noexcept;

    boost::asio::execution_context& context_;
    const std::uint32_t generation_ = fork_generation();
    // The memory of the wait under way, so that the next one can always begin.
    alignas(std::max_align_t) std::array<std::byte, 256> memory_;
    std::atomic<bool> ended_ = false;
    std::shared_ptr<wait_point> found_; // used by `run` alone, as the entries of these points are
    wait_point* last_found_ = nullptr;

    std::mutex mutex_; // guards everything below
    os::readiness_set set_;
    std::optional<os::watched_handle> watched_; // the handle of the set
    wait_point* watching_ = nullptr;            // the points that have targets in the set
    std::size_t at_rest_ = 0;
    std::shared_ptr<resting> woken_; // in the order of their wake-ups
    resting* last_woken_ = nullptr;
    bool waits_ = false; // a wait of the reactor is under way
    bool kicked_ = false;
    bool runs_ = false;
};

} // namespace ferrule::detail
