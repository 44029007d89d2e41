// The driver for threads, which runs an operation and blocks where it has to wait.
#include "platform/caught.hpp"
#include "platform/on_stop.hpp"
#include "src/core/descriptor_wait.hpp"
#include "src/core/transfer.hpp"
#include "src/core/turn.hpp"

#include <algorithm>
#include <optional>
#include <stop_token>
#include <thread>

namespace ferrule::detail {
namespace {

using clock = deadline::clock;

class blocked_thread final : public waiter {
public:
    explicit blocked_thread(os::wakeup& w) noexcept : wakeup_(w) {}
    ~blocked_thread() = default;

    void notify() noexcept override
    {
        notified = true;
        wakeup_.signal();
    }

    bool notified = false;

private:
    os::wakeup& wakeup_;
};

/// One run of an operation by a thread that holds the lock.
class blocking_run {
public:
    blocking_run(channel& c, operation& op, const until& timeout) noexcept
        : channel_(c),
          op_(op),
          timeout_(timeout),
          wait_(c, op)
    {
    }

    error_code operator()()
    {
        const channel_use use(channel_);
        if (!use)
            return errc::closed;
        const bool now = timeout_.deadline().is_now();
        for (;;) {
            step s = op_.advance(now || cannot_wait_);
            if (s == step::done)
                return op_.result;
            if (s == step::wait && spins()) {
                op_.resumed();
                s = step::again;
            }
            if (timeout_.stop().stop_requested())
                return errc::cancelled;
            if (is_late(timeout_.deadline(), s))
                return errc::timed_out;
            if (s == step::wait) {
                if (cannot_wait_)
                    return cannot_wait_;
                if (const error_code ec = wait(use))
                    return ec;
            } else if (!channel_.is_open())
                return errc::closed;
        }
    }

private:
    /// Yields the core once if input is likely to arrive meanwhile. Otherwise returns false.
    [[nodiscard]] bool spins() noexcept
    {
        if (op_.side != direction::read || timeout_.deadline().is_now() || channel_.holds_rest() ||
            !channel_.spinning.look(clock::now(), channel_.incoming.received()))
            return false;
        if (!channel_.fd->in_memory() || ++polls_ % polls_per_yield == 0)
            std::this_thread::yield();
        else
            os::relax();
        return true;
    }

    error_code wait(const channel_use& use)
    {
        os::wakeup* wakeup = nullptr;
        try {
            wakeup = &os::wakeup::of_this_thread();
        } catch (...) { // no descriptor or no memory left
            cannot_wait_ = os::caught();
            return {};
        }
        wait_.arm(use);
        blocked_thread me(*wakeup);
        os::wait_result r = os::wait_result::woken;
        const auto watch_nothing = [](wait_point& p) {
            p.unwatch();
            return true;
        };
        if (wait_.begin(me, watch_nothing)) {
            std::optional<os::on_stop<wake_on_stop>> on_stop;
            if (timeout_.stop().stop_possible())
                on_stop.emplace(timeout_.stop(), wake_on_stop{*channel_.of(op_.side).point, me});
            r = os::wait(wait_.targets().list(), *wakeup, std::min(timeout_.deadline(), op_.looks_again));
            if (r == os::wait_result::late && !timeout_.deadline().expired())
                r = os::wait_result::ready;
            if (op_.side == direction::read)
                channel_.spinning.done();
            wait_.leave(me);
        }
        wait_.end(r == os::wait_result::ready, use);
        if (me.notified)
            wakeup->clear();
        if (!channel_.is_open())
            return errc::closed;
        if (timeout_.stop().stop_requested())
            return errc::cancelled;
        return r == os::wait_result::late ? errc::timed_out : error_code();
    }

    struct wake_on_stop {
        wait_point& point;
        blocked_thread& thread;
        void operator()() const noexcept { point.wake_if(thread); }
    };

    // A poll of memory takes much less time than yielding the core, which only a peer on the same core needs.
    static constexpr unsigned polls_per_yield = 32;

    channel& channel_;
    operation& op_;
    const until& timeout_;
    unsigned polls_ = 0;
    descriptor_wait wait_;
    error_code cannot_wait_; // then only what is available already counts
};

template <class Request>
error_code run_request(const channel_ptr& c, Request& request, const until& timeout, transfer_result& result)
{
    if (const auto end = answer(c, request))
        return *end;
    operation_for<Request> by_kind(*c, request, result);
    operation& op = by_kind;
    if (const error_code ec = c->of(op.side).lock.acquire(timeout))
        return ec;
    turn t(*c, op);
    error_code ec = blocking_run(*c, op, timeout)();
    t.end(ec);
    return ec;
}

} // namespace

error_code run(const channel_ptr& c, const read_request& request, const until& timeout, transfer_result& result)
{
    return run_request(c, request, timeout, result);
}

error_code run(const channel_ptr& c, write_request& request, const until& timeout, transfer_result& result)
{
    return run_request(c, request, timeout, result);
}

} // namespace ferrule::detail
