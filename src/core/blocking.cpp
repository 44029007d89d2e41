// The driver for threads: runs an operation, and blocks where it has to wait.
#include "platform/caught.hpp"
#include "platform/on_stop.hpp"
#include "src/descriptor_wait.hpp"
#include "src/transfer.hpp"
#include "src/turn.hpp"

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

    void kick() noexcept override
    {
        kicked = true;
        wakeup_.signal();
    }

    bool kicked = false;

private:
    os::wakeup& wakeup_;
};

/// One run of an operation by a thread that holds the lock.
class blocking_run {
public:
    blocking_run(channel& c, operation& op, const until& limit) noexcept
        : channel_(c),
          op_(op),
          limit_(limit),
          wait_(c, op)
    {
    }

    error_code operator()()
    {
        const channel_use use(channel_);
        if (!use)
            return errc::closed;
        const bool now = limit_.deadline().is_now();
        for (;;) {
            step s = op_.advance(now || cannot_wait_);
            if (s == step::done)
                return op_.result;
            if (s == step::wait && spins()) {
                op_.resumed();
                s = step::again;
            }
            if (limit_.stop().stop_requested())
                return errc::cancelled;
            if (is_late(limit_.deadline(), s))
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
    /// Gives the core away for a moment, if it is likely that there is something to read afterwards.
    [[nodiscard]] bool spins() noexcept
    {
        if (op_.side != direction::read || limit_.deadline().is_now() || !channel_.tail.empty() ||
            !channel_.spinning.look(clock::now(), channel_.incoming.received()))
            return false;
        std::this_thread::yield();
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
            std::optional<os::on_stop<kick_on_stop>> on_stop;
            if (limit_.stop().stop_possible())
                on_stop.emplace(limit_.stop(), kick_on_stop{*channel_.of(op_.side).point, me});
            r = os::wait(wait_.targets().list(), *wakeup, limit_.deadline());
            if (op_.side == direction::read)
                channel_.spinning.done();
        }
        wait_.end(r == os::wait_result::ready, use);
        if (me.kicked)
            wakeup->clear();
        if (!channel_.is_open())
            return errc::closed;
        if (limit_.stop().stop_requested())
            return errc::cancelled;
        return r == os::wait_result::late ? errc::timed_out : error_code();
    }

    struct kick_on_stop {
        wait_point& point;
        blocked_thread& thread;
        void operator()() const noexcept { point.kick_if(thread); }
    };

    channel& channel_;
    operation& op_;
    const until& limit_;
    descriptor_wait wait_;
    error_code cannot_wait_; // then what is there already has to do
};

template <class Request>
error_code run_request(const channel_ptr& c, Request& request, const until& limit, transfer_result& result)
{
    if (const auto end = answer(c, request))
        return *end;
    operation_for<Request> by_kind(*c, request, result);
    operation& op = by_kind;
    if (const error_code ec = c->of(op.side).lock.acquire(limit))
        return ec;
    turn t(*c, op);
    error_code ec = blocking_run(*c, op, limit)();
    t.end(ec);
    return ec;
}

} // namespace

error_code run(const channel_ptr& c, const read_request& request, const until& limit, transfer_result& result)
{
    return run_request(c, request, limit, result);
}

error_code run(const channel_ptr& c, write_request& request, const until& limit, transfer_result& result)
{
    return run_request(c, request, limit, result);
}

} // namespace ferrule::detail
