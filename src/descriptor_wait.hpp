// Waiting for a descriptor without a thread. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <optional>
#include <utility>

namespace ferrule::detail {

/// The waits of one operation, one after the other, by whoever holds the direction's lock.
class descriptor_wait {
public:
    descriptor_wait(channel& c, direction d) noexcept : channel_(c), side_(d) {}

    /// What to wait for. `begin` and `end` follow, or `skip` if the answer is `now()`.
    [[nodiscard]] wait_targets arm() noexcept
    {
        const wait_targets t = channel_.arm(side_, tail_moves_);
        with_tail_ = t.list().size() > 1;
        return t;
    }

    /// Calls what `handler()` returns, with an `error_code`, when a target is ready or `me` was kicked. No value: it will, and perhaps already does
    /// on another thread. Otherwise nothing has begun: an error, or none if whoever would kick came too early.
    template <class Wanted, class MakeHandler>
    [[nodiscard]] std::optional<error_code>
    begin(const wait_targets& targets, const boost::asio::any_io_executor& executor,
          boost::asio::execution_context& context, waiter& me, Wanted wanted, MakeHandler handler)
    {
        const std::shared_ptr<wait_point> p = channel_.of(side_).point; // outlives the guard whatever happens
        const auto held = p->guard();
        p->waiting = &me; // from here on a kick is noticed, so nothing below can be missed
        const bool tail_came = side_ == direction::read && tail_moves_ && !with_tail_ && channel_.tail_is_readers();
        error_code ec;
        if (tail_came || !wanted() || !channel_.is_open() ||
            (ec = p->watch(executor, context, targets.list())).failed()) {
            p->waiting = nullptr;
            return ec;
        }
        p->watched().async_wait(handler());
        return std::nullopt;
    }

    /// The wait is over.
    void end(operation& op) noexcept
    {
        {
            wait_point& p = *channel_.of(side_).point;
            const auto held = p.guard();
            p.waiting = nullptr;
            // Interest in writing would wake the context whenever the peer reads. Interest in reading stays: it costs
            // nothing while this context goes on waiting.
            if (side_ == direction::write || with_tail_)
                p.unwatch();
        }
        skip(op);
    }

    /// There is nothing to wait for.
    void skip(operation& op) noexcept
    {
        op.resumed();
        if (const channel_use use(channel_); use) {
            channel_.disarm(side_);
            if (with_tail_)
                tail_moves_ = channel_.push_tail();
        }
    }

    /// The handler was destroyed instead of called.
    void abandon(waiter& me) noexcept
    {
        wait_point& p = *channel_.of(side_).point;
        const auto held = p.guard();
        if (p.waiting == &me)
            p.waiting = nullptr;
    }

private:
    channel& channel_;
    direction side_;
    bool with_tail_ = false;
    bool tail_moves_ = true;
};

} // namespace ferrule::detail
