#include "src/async_operation.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/errc.hpp>

#include <new>
#include <utility>

namespace ferrule::detail {

namespace asio = boost::asio;

// What is handed to Asio: runs the operation, or abandons it when destroyed unrun.
class async_operation::resumption {
public:
    using executor_type = asio::any_io_executor;

    explicit resumption(std::shared_ptr<async_operation> op) noexcept : op_(std::move(op)) {}
    resumption(resumption&&) noexcept = default;
    resumption& operator=(resumption&&) = delete;
    ~resumption()
    {
        if (op_)
            op_->abandon();
    }

    void operator()(error_code = {})
    {
        const auto op = std::move(op_);
        op->go_on(false);
    }

    executor_type get_executor() const noexcept { return op_->executor_; }

private:
    std::shared_ptr<async_operation> op_;
};

async_operation::async_operation(asio::any_io_executor executor, until limit, cross_lock& lock, channel_ptr c)
    : lock_waiter(&asio::query(executor, asio::execution::context)),
      executor_(asio::prefer(executor, asio::execution::outstanding_work.tracked)),
      context_(asio::query(executor, asio::execution::context)),
      limit_(std::move(limit)),
      lock_(lock),
      channel_(std::move(c))
{
}

void async_operation::start(asio::cancellation_slot slot)
{
    const auto self = shared_from_this();
    slot_ = slot;
    if (slot_.is_connected()) {
        slot_.assign([weak = weak_from_this()](asio::cancellation_type type) {
            if (const auto op = weak.lock(); op && type != asio::cancellation_type::none)
                op->interrupt(errc::cancelled);
        });
    }
    if (limit_.stop().stop_possible())
        on_stop_.emplace(limit_.stop(), stopper(this));
    go_on(true);
}

void async_operation::interrupt(errc why) noexcept
{
    int none = 0;
    reason_.compare_exchange_strong(none, static_cast<int>(why));
    // Wherever it rests, it rests under one of these two mutexes, and looks for a reason before it does.
    lock_.poke(*this);
    if (op_ != nullptr)
        point().kick_if(*this);
}

void async_operation::wake() noexcept
{
    if (std::exchange(posted_, true))
        return;
    try {
        asio::post(executor_, resumption(shared_from_this()));
    } catch (const std::bad_alloc&) {
        posted_ = false; // passed over for now; the next release tries again
    }
}

void async_operation::stay(std::optional<lock_time> ask_again_at) noexcept
{
    posted_ = false;
    const auto at = std::min(ask_again_at.value_or(lock_time::max()), limit_.deadline().at());
    if (at == lock_time::max())
        return;
    try {
        set_timer(at);
    } catch (const std::bad_alloc&) { // others may still revoke the offer
    }
}

void async_operation::kick() noexcept
{
    try {
        point().watched().cancel();
    } catch (const boost::system::system_error&) { // it has completed
    }
}

void async_operation::go_on(bool starting)
{
    if (op_ != nullptr)
        op_->hold_back = starting;
    if (const outcome end = attempt())
        finish(*end, starting);
}

async_operation::outcome async_operation::attempt() noexcept
{
    try {
        return run();
    } catch (const std::bad_alloc&) {
        return boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
    } catch (...) {
        thrown_ = std::current_exception();
        return errc::framing_failed;
    }
}

async_operation::outcome async_operation::run()
{
    if (end_)
        return end_;
    if (std::exchange(waiting_, false))
        wait_->end(*op_);
    if (!holding_) {
        if (const outcome o = take_lock(); !o || *o)
            return o;
    }
    return op_ != nullptr ? transfer() : error_code();
}

async_operation::outcome async_operation::take_lock()
{
    error_code refused;
    if (!queued_) {
        if (reason_ != 0)
            return errc::cancelled;
        const error_code ec = lock_.acquire(deadline::now());
        if (ec && (ec != errc::lock_timed_out || limit_.deadline().expired()))
            return ec;
        if (ec) {
            // Waiting begins here. Everything must be in place before, since the wake-up may run on another thread.
            const auto self = shared_from_this();
            queued_ = wait_service::of(executor_, context_).add(self);
            if (!limit_.deadline().is_never())
                set_timer(limit_.deadline().at());
            if (!lock_.enqueue(*this, refused)) {
                if (refused)
                    return refused;
                if (reason_ != 0)
                    lock_.poke(*this); // whoever interrupted may have come too early
                return std::nullopt;
            }
        }
    } else {
        if (const int why = reason_; why != 0)
            return why == static_cast<int>(errc::timed_out) ? errc::lock_timed_out : static_cast<errc>(why);
        if (!lock_.claim(*this, refused))
            return refused ? outcome(refused) : std::nullopt;
    }
    holding_ = true;
    leave_queue();
    lock_.set_async_holder();
    return error_code();
}

async_operation::outcome async_operation::transfer()
{
    const auto self = shared_from_this();
    const auto channel = channel_;
    for (;;) {
        const channel_use use(*channel);
        if (!use)
            return errc::closed;
        if (const int why = reason_; why != 0)
            return static_cast<errc>(why);
        switch (op_->advance(limit_.deadline().is_now())) {
        case step::done: return op_->result;
        case step::again:
            if (!limit_.deadline().is_now() && limit_.deadline().expired())
                return errc::timed_out;
            asio::post(executor_, resumption(self)); // others want a turn
            return std::nullopt;
        case step::wait:
            if (limit_.deadline().expired())
                return errc::timed_out;
            if (const outcome o = wait(); !o || *o)
                return o;
        }
    }
}

async_operation::outcome async_operation::wait()
{
    const wait_targets targets = wait_->arm();
    if (targets.now()) {
        wait_->skip(*op_);
        asio::post(executor_, resumption(shared_from_this()));
        return std::nullopt;
    }
    if (!limit_.deadline().is_never())
        set_timer(limit_.deadline().at());
    waiting_ = true;
    const outcome o = wait_->begin(
        targets, executor_, context_, *this, [this] { return reason_ == 0; },
        [this] { return resumption(shared_from_this()); });
    if (o)
        waiting_ = false;
    return o;
}

void async_operation::leave_queue() noexcept
{
    if (!queued_)
        return;
    if (!holding_ && lock_.withdraw(*this))
        lock_.unlock();
    auto& service = boost::asio::use_service<wait_service>(context_);
    const auto self = service.remove(*std::exchange(queued_, std::nullopt));
}

void async_operation::leave_direction(bool failed) noexcept
{
    if (!std::exchange(holding_, false))
        return;
    if (op_ != nullptr && failed) {
        op_->give_up();
        op_->report();
    }
    lock_.unlock();
    if (op_ != nullptr && op_->side == direction::write)
        channel_->sender_left();
}

void async_operation::set_timer(deadline::clock::time_point at)
{
    if (timer_at_ == at)
        return;
    if (!timer_)
        timer_.emplace(executor_);
    timer_at_ = at;
    timer_->expires_at(at);
    timer_->async_wait([weak = weak_from_this()](error_code ec) {
        const auto op = ec ? nullptr : weak.lock();
        if (!op)
            return;
        if (op->limit_.deadline().expired())
            op->interrupt(errc::timed_out);
        else
            op->lock_.poke(*op);
    });
}

void async_operation::finish(error_code ec, bool starting)
{
    if (!end_) {
        leave_queue();
        if (op_ != nullptr)
            leave_direction(ec.failed());
        on_stop_.reset();
        timer_.reset();
        if (slot_.is_connected())
            slot_.clear();
    }
    if (starting) {
        end_ = ec;
        asio::post(executor_, resumption(shared_from_this()));
        return;
    }
    if (over_.exchange(true))
        return;
    holding_ = false; // if still set, the lock itself is what is delivered
    deliver(ec);
}

void async_operation::abandon() noexcept
{
    if (over_.exchange(true))
        return;
    const auto self = weak_from_this().lock();
    if (std::exchange(waiting_, false))
        wait_->abandon(*this);
    leave_queue();
    leave_direction(true);
    on_stop_.reset();
    timer_.reset();
}

} // namespace ferrule::detail
