#include "src/core/async_operation.hpp"

#include "platform/caught.hpp"
#include "src/core/wait_service.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace ferrule::detail {

namespace asio = boost::asio;

namespace {

/// A call that hands a resumption to Asio. Asio has not accepted a resumption that is destroyed inside the call.
class hand_over_call {
public:
    explicit hand_over_call(const async_operation& op) noexcept : op_(&op), outer_(std::exchange(innermost, this)) {}
    hand_over_call(const hand_over_call&) = delete;
    hand_over_call& operator=(const hand_over_call&) = delete;
    ~hand_over_call() { innermost = outer_; }

    /// Whether this thread is inside such a call for `op`, which then keeps it.
    static bool refuses(std::shared_ptr<async_operation>& op) noexcept
    {
        if (innermost == nullptr || innermost->op_ != op.get())
            return false;
        innermost->refused = std::move(op);
        return true;
    }

    std::shared_ptr<async_operation> refused;

private:
    static thread_local hand_over_call* innermost;

    const async_operation* op_;
    hand_over_call* outer_;
};

thread_local hand_over_call* hand_over_call::innermost = nullptr;

} // namespace

// The handler given to Asio. It runs the operation, or abandons it when destroyed without a call.
class async_operation::resumption {
public:
    explicit resumption(std::shared_ptr<async_operation> op) noexcept : op_(std::move(op)) {}
    resumption(resumption&&) noexcept = default;
    resumption& operator=(resumption&&) = delete;
    ~resumption()
    {
        if (op_ && !hand_over_call::refuses(op_))
            op_->abandon();
    }

    void operator()(error_code = {})
    {
        async_operation& op = *op_;
        op.go_on(std::move(op_));
    }

private:
    std::shared_ptr<async_operation> op_;
};

async_operation::async_operation(asio::any_io_executor&& executor, until&& timeout, cross_lock& lock, channel_ptr c)
    : executor_(std::move(executor)),
      context_(asio::query(executor_, asio::execution::context)),
      timeout_(std::move(timeout)),
      lock_(lock),
      channel_(std::move(c))
{
}

// The operation as the queue of the lock sees it. It rests on a timer, which a wake-up cancels.
class async_operation::place_in_queue final : public lock_waiter {
public:
    explicit place_in_queue(async_operation& op)
        : lock_waiter(&op.context_),
          op_(op),
          service_(wait_service::of(op.context_)),
          timer_(std::in_place, op.executor_)
    {
    }
    ~place_in_queue() = default;

    void wake() noexcept override
    {
        service_.unless_ended([this] {
            try {
                timer_->cancel();
            } catch (const boost::system::system_error&) { // the timer has expired
            }
        });
    }
    error_code stay(std::optional<lock_time> ask_again_at) noexcept override
    {
        if (const int why = op_.reason_; why != 0)
            return static_cast<errc>(why);
        try {
            timer_->expires_at(std::min(ask_again_at.value_or(lock_time::max()), op_.timeout_.deadline().at()));
            op_.rest([this](resumption r) { timer_->async_wait(std::move(r)); });
            return {};
        } catch (...) {
            return os::caught();
        }
    }
    bool runs_with(const lock_waiter& other) const noexcept override
    {
        return op_.executor_ == static_cast<const place_in_queue&>(other).op_.executor_;
    }

    /// Called when it no longer waits. A timer may not outlive its context.
    void end() noexcept { timer_.reset(); }

private:
    async_operation& op_;
    wait_service& service_;
    std::optional<asio::steady_timer> timer_;
};

async_operation::~async_operation()
{
    delete place_.load(std::memory_order_relaxed);
}

bool async_operation::try_lock(cross_lock& lock) noexcept
{
    if (!lock.try_lock())
        return false;
    lock.set_async_holder();
    return true;
}

void async_operation::take_over(turn t, step last, channel_use use) noexcept
{
    turn_ = std::move(t);
    next_ = last;
    entered_ = std::move(use);
}

void async_operation::start(std::shared_ptr<async_operation> self, asio::cancellation_slot slot, bool in_coroutine)
{
    self_ = std::move(self);
    in_coroutine_ = in_coroutine;
    slot_ = slot;
    if (slot_.is_connected()) {
        try {
            slot_.assign([weak = std::weak_ptr(self_)](asio::cancellation_type type) {
                if (const auto op = weak.lock(); op && type != asio::cancellation_type::none)
                    op->interrupt(errc::cancelled);
            });
        } catch (const std::bad_alloc&) {
            return finish(no_memory());
        }
    }
    if (timeout_.stop().stop_possible())
        on_stop_.emplace(timeout_.stop(), stopper(this));
    if (op_ != nullptr)
        op_->hold_back = true;
    if (const outcome end = attempt())
        finish(*end);
}

void async_operation::go_on(std::shared_ptr<resting> self)
{
    self_ = std::static_pointer_cast<async_operation>(std::move(self));
    starting_ = false;
    if (op_ != nullptr)
        op_->hold_back = false;
    if (const outcome end = attempt())
        finish(*end);
}

// ---- called by other threads ----

void async_operation::interrupt(errc why) noexcept
{
    int none = 0;
    reason_.compare_exchange_strong(none, static_cast<int>(why));
    // The operation checks for a reason under one of these two mutexes before it rests.
    if (place_in_queue* const place = place_)
        lock_.poke(*place);
    if (op_ != nullptr)
        point().wake_if(*this);
}

// ---- resting ----

template <class HandOver>
void async_operation::rest(HandOver hand_over)
{
    hand_over_call call(*this);
    try {
        hand_over(resumption(std::move(self_)));
    } catch (...) {
        self_ = std::move(call.refused);
        throw;
    }
    if (call.refused) { // without an exception
        self_ = std::move(call.refused);
        throw std::bad_alloc();
    }
}

void async_operation::post()
{
    rest([this](resumption r) { asio::post(executor_, std::move(r)); });
}

const asio::io_context* async_operation::runs_anywhere_in() const noexcept
{
    const auto* const e = executor_.target<asio::io_context::executor_type>();
    return e != nullptr ? &asio::query(*e, asio::execution::context) : nullptr;
}

void async_operation::hand_over(std::shared_ptr<resting>& self) noexcept
{
    hand_over_call call(*this);
    try {
        // Not `defer`, which holds it back until the handler that runs now has returned, and that may block.
        asio::post(executor_, resumption(std::static_pointer_cast<async_operation>(std::move(self))));
    } catch (const std::bad_alloc&) {
        self = std::move(call.refused);
    } catch (...) { // the executor has refused it
    }
    if (call.refused)
        call.refused->abandon();
}

void async_operation::set_deadline()
{
    const deadline next = std::min(timeout_.deadline(), op_->looks_again);
    if (next.is_never() || (deadline_ && deadline_->expiry() == next.at()))
        return;
    // One timer per operation, not per direction. One that is left armed would keep its context running until a deadline
    // that no longer matters.
    deadline_ = std::make_unique<asio::steady_timer>(executor_, next.at());
    deadline_->async_wait([weak = std::weak_ptr(self_)](error_code ec) {
        const auto op = ec ? nullptr : weak.lock();
        if (!op)
            return;
        // `interrupt` would use the lock, which may be destroyed once the operation has completed.
        int none = 0;
        if (op->timeout_.deadline().expired())
            op->reason_.compare_exchange_strong(none, static_cast<int>(errc::timed_out));
        op->point().wake_if(*op);
    });
}

// ---- the steps ----

async_operation::outcome async_operation::attempt() noexcept
{
    try {
        return run();
    } catch (...) {
        return os::caught();
    }
}

async_operation::outcome async_operation::run()
{
    if (end_)
        return end_;
    if (!turn_ && !owns_lock_) {
        if (const outcome o = take_lock(); !o || *o)
            return o;
    }
    return op_ != nullptr ? transfer() : error_code();
}

async_operation::outcome async_operation::take_lock()
{
    if (queued_) {
        if (const int why = reason_; why != 0)
            return static_cast<errc>(why);
        if (timeout_.deadline().expired())
            return errc::lock_timed_out;
        error_code refused;
        if (!lock_.claim(*place_, refused))
            return refused ? outcome(refused) : std::nullopt;
    } else {
        if (reason_ != 0)
            return errc::cancelled;
        if (op_ == nullptr && starting_) { // the lock may be taken only at delivery
            post();
            return std::nullopt;
        }
        const error_code ec = lock_.acquire(deadline::now());
        if (ec && (ec != errc::lock_timed_out || timeout_.deadline().expired()))
            return ec;
        if (ec) {
            if (const outcome o = queue_up(); !o || *o)
                return o;
        }
    }
    queued_ = false;
    lock_.set_async_holder();
    if (op_ != nullptr)
        turn_ = turn(*channel_, *op_);
    else
        owns_lock_ = true;
    return error_code();
}

async_operation::outcome async_operation::queue_up()
{
    auto place = std::make_unique<place_in_queue>(*this);
    error_code refused;
    place_ = place.get();
    queued_ = true; // from here on, the resumption may run on another thread
    if (!lock_.enqueue(*place.release(), refused) && !refused)
        return std::nullopt;
    queued_ = false;
    return refused;
}

async_operation::outcome async_operation::transfer()
{
    for (;;) {
        switch (forward()) {
        case step::done: return op_->result;
        case step::again:
            post(); // lets other handlers run
            return std::nullopt;
        case step::wait:
            if (cannot_wait_)
                return cannot_wait_;
            if (const outcome o = wait(); !o || *o)
                return o;
        }
    }
}

step async_operation::forward() noexcept
{
    const channel_use use = next_ ? std::move(entered_) : channel_use(*channel_);
    if (std::exchange(waiting_, false))
        wait_->end(true, use);
    step s = step::done;
    if (const int why = reason_; why != 0)
        op_->result = static_cast<errc>(why);
    else
        s = next_ ? *std::exchange(next_, std::nullopt) : advance(use);
    if (s != step::done && is_late(timeout_.deadline(), s)) {
        op_->result = errc::timed_out;
        s = step::done;
    }
    if (s == step::wait && !cannot_wait_)
        wait_->arm(use);
    return s;
}

step async_operation::advance(const channel_use& use) noexcept
{
    try {
        return turn_.advance(timeout_.deadline().is_now() || cannot_wait_, use);
    } catch (...) {
        op_->out.thrown = std::current_exception();
        op_->result = errc::framing_failed;
        return step::done;
    }
}

async_operation::outcome async_operation::wait()
{
    if (wait_->targets().now()) {
        wait_->end(true, channel_use(*channel_));
        post();
        return std::nullopt;
    }
    error_code refused;
    waiting_ = true; // from the wait on, the resumption may run on another thread
    const auto rest_at = [&](wait_point& p) {
        if (reason_ != 0)
            return false;
        std::shared_ptr<resting> self = std::move(self_);
        refused = p.rest(context_, std::move(self), wait_->targets().list(), wait_->drained());
        if (refused)
            self_ = std::static_pointer_cast<async_operation>(std::move(self));
        return !refused;
    };
    try {
        set_deadline();
        if (wait_->begin(*this, rest_at))
            return std::nullopt;
    } catch (...) {
        refused = os::caught();
    }
    waiting_ = false;
    wait_->end(false, channel_use(*channel_));
    cannot_wait_ = refused;
    return error_code();
}

// ---- the end ----

void async_operation::leave(std::optional<operation::ending> failure, error_code& ec) noexcept
{
    on_stop_.reset(); // precedes the release of the lock, which the callback may not use afterwards
    if (slot_.is_connected() && failure != operation::ending::abandoned)
        slot_.clear();
    if (std::exchange(waiting_, false))
        wait_->leave(*this);
    if (std::exchange(queued_, false) && lock_.withdraw(*place_))
        lock_.unlock();
    if (std::exchange(owns_lock_, false) && failure)
        lock_.unlock();
    if (failure)
        turn_.give_up(*failure, ec);
    else
        turn_.end();
    entered_ = {};
    deadline_.reset();
    if (place_in_queue* const place = place_)
        place->end();
}

void async_operation::finish(error_code ec)
{
    if (!end_) {
        leave(ec ? std::optional(operation::ending::failed) : std::nullopt, ec);
        end_ = ec;
    }
    if (starting_) {
        try {
            return post();
        } catch (const std::bad_alloc&) {
            if (!in_coroutine_) {
                const auto dropped = std::move(self_);
                throw;
            }
        }
    }
    const auto until_delivered = std::move(self_);
    deliver(*end_);
}

void async_operation::abandon() noexcept
{
    error_code nobodys;
    leave(operation::ending::abandoned, nobodys);
}

} // namespace ferrule::detail
