// Waiting for a descriptor, shared by the blocking and the asynchronous driver. Private.
#pragma once

#include "src/core/channel.hpp"
#include "src/core/operation.hpp"

namespace ferrule::detail {

/// The successive waits of one operation. A reader also waits for room for the unsent rest.
class descriptor_wait {
public:
    descriptor_wait(channel& c, operation& op) noexcept : channel_(c), op_(op) {}

    /// Finds out what to wait for. `begin` and `end` follow, or `end` alone if the answer is `now()`, as it is for a
    /// closed channel.
    void arm(const channel_use& use) noexcept
    {
        targets_ = {};
        targets_.add(use ? channel_.fd->arm(op_.side) : readiness::now());
        if (use && pushes() && channel_.rest_is_readers())
            targets_.add(channel_.fd->arm(direction::write));
    }
    /// Whether only new input makes the descriptor ready.
    [[nodiscard]] bool drained() const noexcept
    {
        return op_.side == direction::read && channel_.drained && channel_.fd->drained();
    }
    [[nodiscard]] const wait_targets& targets() const noexcept { return targets_; }

    /// Registers `me` for wake-ups. Then calls `wait(point)` under the mutex that a wake-up takes, so no wake-up is
    /// missed. Returns false if there is nothing to wait for or `wait` returns false. Passes on exceptions of `wait`.
    /// In both cases nothing stays registered. Otherwise `me` stays until it is resumed from its rest, or leaves.
    template <class Wait>
    [[nodiscard]] bool begin(waiter& me, Wait wait)
    {
        const std::shared_ptr<wait_point> p = channel_.of(op_.side).point; // outlives the guard in any case
        const auto held = p->guard();
        registration registered(*p, me);
        const bool rest_came = pushes() && targets_.list().size() == 1 && channel_.rest_is_readers();
        if (rest_came || channel_.fd->stale(op_.side) || !channel_.is_open() || !wait(*p))
            return false;
        registered.keep();
        return true;
    }

    /// Unregisters `me`, which has not been resumed.
    void leave(const waiter& me) noexcept
    {
        wait_point& p = *channel_.of(op_.side).point;
        const auto held = p.guard();
        if (p.waiting == &me)
            p.waiting = nullptr;
        p.not_heeded();
    }

    /// Ends the wait. `ready` says whether a target may be ready. Nothing is registered any more.
    void end(bool ready, const channel_use& use) noexcept
    {
        const bool with_rest = targets_.list().size() > 1;
        // Interest in writing would wake a context whenever the peer reads. Interest in reading stays, since it costs
        // nothing while this context continues to wait.
        if (op_.side == direction::write || with_rest) {
            wait_point& p = *channel_.of(op_.side).point;
            const auto held = p.guard();
            p.unwatch();
        }
        if (ready || channel_.fd->stale(op_.side))
            op_.resumed();
        if (use) {
            channel_.fd->disarm(op_.side);
            if (with_rest)
                rest_moves_ = channel_.push_rest();
        }
    }

private:
    class registration {
    public:
        registration(wait_point& p, waiter& w) noexcept : point_(&p) { p.waiting = &w; }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration()
        {
            if (point_ != nullptr)
                point_->waiting = nullptr;
        }
        void keep() noexcept { point_ = nullptr; }

    private:
        wait_point* point_;
    };

    [[nodiscard]] bool pushes() const noexcept { return op_.side == direction::read && rest_moves_; }

    channel& channel_;
    operation& op_;
    wait_targets targets_;
    bool rest_moves_ = true; // until the descriptor refuses the rest
};

} // namespace ferrule::detail
