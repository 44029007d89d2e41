// The driver for threads: runs an operation, and blocks where it has to wait.
#include "platform/on_stop.hpp"
#include "src/at_once.hpp"
#include "src/channel.hpp"
#include "src/read_operation.hpp"
#include "src/write_operation.hpp"

#include <ferrule/detail/requests.hpp>

#include <boost/system/errc.hpp>

#include <new>
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
    blocking_run(channel& c, operation& op, const until& limit) : channel_(c), op_(op), limit_(limit) {}
    blocking_run(const blocking_run&) = delete;
    blocking_run& operator=(const blocking_run&) = delete;

    error_code operator()()
    {
        const channel_use use(channel_);
        if (!use)
            return errc::closed;
        for (;;) {
            step s = op_.advance(limit_.deadline().is_now());
            if (s == step::done)
                return op_.result;
            if (s == step::wait && spins()) {
                op_.resumed();
                s = step::again;
            }
            if (limit_.stop().stop_requested())
                return errc::cancelled;
            // "Only if possible now" ends when it would have to wait, not while there is something to do.
            if (limit_.deadline().expired() && (s == step::wait || !limit_.deadline().is_now()))
                return errc::timed_out;
            if (s == step::wait) {
                if (const error_code ec = wait())
                    return ec;
            } else if (!channel_.is_open())
                return errc::closed;
        }
    }

private:
    /// Gives the core away for a moment, if it is likely that there is something to read afterwards.
    [[nodiscard]] bool spins() noexcept
    {
        if (op_.side != direction::read || limit_.deadline().is_now() || channel_.has_tail() ||
            !channel_.spinning.look(clock::now(), channel_.received()))
            return false;
        std::this_thread::yield();
        return true;
    }

    error_code wait()
    {
        const wait_targets targets = channel_.arm(op_.side, tail_moves_);
        wait_point& point = *channel_.of(op_.side).point;
        os::wakeup* const made = this_threads_wakeup();
        if (made == nullptr)
            return no_wakeup_;
        os::wakeup& wakeup = *made;
        blocked_thread me(wakeup);
        {
            const auto held = point.guard();
            if (!channel_.is_open())
                return errc::closed;
            point.waiting = &me;
            if (op_.side == direction::read && tail_moves_ && targets.list().size() == 1 &&
                channel_.tail_is_readers()) {
                point.waiting = nullptr; // a sender has just left it behind
                return {};
            }
            point.unwatch();
        }
        std::optional<os::on_stop<kick_on_stop>> on_stop;
        if (limit_.stop().stop_possible())
            on_stop.emplace(limit_.stop(), kick_on_stop{&point, &me});
        const os::wait_result r = os::wait(targets.list(), wakeup, limit_.deadline());
        if (op_.side == direction::read)
            channel_.spinning.done();
        on_stop.reset();
        {
            const auto held = point.guard();
            point.waiting = nullptr;
        }
        if (me.kicked)
            wakeup.clear();
        channel_.disarm(op_.side);
        if (!channel_.is_open())
            return errc::closed;
        if (limit_.stop().stop_requested())
            return errc::cancelled;
        if (r == os::wait_result::late)
            return errc::timed_out;
        if (targets.list().size() > 1)
            tail_moves_ = channel_.push_tail();
        if (r == os::wait_result::ready)
            op_.resumed();
        return {};
    }

    os::wakeup* this_threads_wakeup() noexcept
    {
        try {
            return &os::wakeup::of_this_thread();
        } catch (const error& e) { // no descriptor left
            no_wakeup_ = e.code();
            return nullptr;
        }
    }

    struct kick_on_stop {
        wait_point* point;
        blocked_thread* thread;
        void operator()() const noexcept { point->kick_if(*thread); }
    };

    channel& channel_;
    operation& op_;
    const until& limit_;
    error_code no_wakeup_;
    bool tail_moves_ = true;
};

/// Leaves the direction in order, also when a framing throws.
class turn {
public:
    turn(channel& c, operation& op) noexcept : channel_(c), op_(op) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn()
    {
        if (failed)
            op_.give_up();
        if (failed && reported)
            op_.report();
        if (kept)
            return;
        if (op_.side == direction::read)
            channel_.spinning.done();
        channel_.of(op_.side).lock.unlock();
        if (op_.side == direction::write)
            channel_.sender_left();
    }

    bool failed = true;
    bool reported = true;
    bool kept = false; // the lock goes on to somebody else

private:
    channel& channel_;
    operation& op_;
};

error_code run(channel& c, operation& op, const until& limit)
{
    if (const error_code ec = c.of(op.side).lock.acquire(limit))
        return ec;
    turn t(c, op);
    const error_code ec = blocking_run(c, op, limit)();
    t.failed = ec.failed();
    return ec;
}

} // namespace

error_code run(const channel_ptr& c, const read_request& request, const until& limit, read_result& result)
{
    if (!c)
        return errc::closed;
    read_operation op(*c, request, result);
    return run(*c, op, limit);
}

error_code run(const channel_ptr& c, write_request& request, const until& limit, std::size_t& transferred)
{
    transferred = 0;
    if (request.refused)
        return request.refused;
    if (!c)
        return errc::closed;
    write_operation op(*c, request);
    const error_code ec = run(*c, op, limit);
    transferred = op.sent();
    return ec;
}

at_once run_at_once(channel& c, operation& op, bool keep_lock)
{
    if (!c.of(op.side).lock.try_lock())
        return at_once::busy;
    turn t(c, op);
    const channel_use use(c);
    if (!use)
        return at_once::refused;
    if (op.advance(false) == step::done) {
        t.failed = op.result.failed();
        return at_once::done;
    }
    t.kept = keep_lock;
    if (keep_lock)
        c.held_by_context(op.side);
    t.failed = !keep_lock;
    t.reported = false;
    return at_once::begun;
}

} // namespace ferrule::detail
