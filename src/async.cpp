// The asynchronous calls: completion handlers and awaitables over `async_operation`.
#include <ferrule/detail/async_core.hpp>

#include "src/async_operation.hpp"
#include "src/at_once.hpp"
#include "src/read_operation.hpp"
#include "src/write_operation.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace ferrule::detail {

namespace asio = boost::asio;

namespace {

template <class Handler>
class async_read final : public async_operation {
public:
    async_read(channel_ptr c, read_request request, until limit, asio::any_io_executor executor, Handler handler)
        : async_operation(std::move(executor), std::move(limit), c->reading.lock, c),
          request_(std::move(request)),
          algorithm_(*c, request_, result_),
          handler_(std::move(handler))
    {
        set_operation(algorithm_);
    }

private:
    void deliver(error_code ec) override
    {
        if (request_.report != nullptr) {
            request_.report->thrown = thrown_;
            request_.report->transferred = result_.transferred;
        }
        Handler handler = std::move(handler_);
        if constexpr (std::same_as<Handler, bytes_handler>)
            std::move(handler)(ec, std::move(result_.data));
        else
            std::move(handler)(ec, result_.transferred);
    }

    read_request request_;
    read_result result_;
    read_operation algorithm_;
    Handler handler_;
};

class async_write final : public async_operation {
public:
    async_write(channel_ptr c, write_request request, until limit, asio::any_io_executor executor, size_handler handler)
        : async_operation(std::move(executor), std::move(limit), c->writing.lock, c),
          channel_(c),
          request_(std::move(request)),
          algorithm_(*c, request_),
          handler_(std::move(handler))
    {
        set_operation(algorithm_);
    }

    /// Takes over an operation that was begun, and the lock.
    async_write(channel_ptr c, const write_operation& begun, write_request request, until limit,
                asio::any_io_executor executor, size_handler handler)
        : async_operation(std::move(executor), std::move(limit), c->writing.lock, c),
          channel_(c),
          request_(std::move(request)),
          algorithm_(begun, request_),
          handler_(std::move(handler))
    {
        set_operation(algorithm_);
        set_holding();
    }

private:
    void deliver(error_code ec) override
    {
        size_handler handler = std::move(handler_);
        if (request_.kind == write_request::what::close)
            std::move(handler)(error_code(), close(channel_, deadline::now()));
        else
            std::move(handler)(ec, algorithm_.sent());
    }

    channel_ptr channel_;
    write_request request_;
    write_operation algorithm_;
    size_handler handler_;
};

class async_locking final : public async_operation {
public:
    async_locking(cross_lock& lock, until limit, asio::any_io_executor executor, void_handler handler)
        : async_operation(std::move(executor), std::move(limit), lock, nullptr),
          handler_(std::move(handler))
    {
    }

private:
    void deliver(error_code ec) override
    {
        void_handler handler = std::move(handler_);
        std::move(handler)(ec);
    }

    void_handler handler_;
};

template <class Operation, class Handler, class... Args>
void begin(Handler handler, Args&&... args)
{
    const auto slot = asio::get_associated_cancellation_slot(handler);
    std::allocate_shared<Operation>(asio::recycling_allocator<Operation>(), std::forward<Args>(args)...,
                                    std::move(handler))
        ->start(slot);
}

// The lock that `run_at_once` has left held, until an operation that will release it exists.
class held_lock {
public:
    held_lock(channel& c, write_operation& op, bool held) noexcept : is_held(held), channel_(c), op_(op) {}
    held_lock(const held_lock&) = delete;
    held_lock& operator=(const held_lock&) = delete;
    ~held_lock()
    {
        if (!is_held)
            return;
        op_.give_up();
        channel_.writing.lock.unlock();
        channel_.sender_left();
    }

    bool is_held;

private:
    channel& channel_;
    write_operation& op_;
};

// For what cannot even begin.
template <class T>
void fail(const asio::any_io_executor& executor, asio::any_completion_handler<void(error_code, T)> handler,
          error_code why)
{
    asio::post(executor, [why, h = std::move(handler)]() mutable { std::move(h)(why, T()); });
}

// How often this thread's coroutines went on without having to wait.
thread_local unsigned in_a_row = 0;

// A coroutine that never has to wait lets others run now and then.
asio::awaitable<void> be_fair()
{
    in_a_row = 0;
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

// Suspends the calling coroutine; `begin(executor, handler)` starts what will resume it.
template <class Signature, class Begin>
auto suspend(Begin& begin)
{
    in_a_row = 0;
    return asio::async_initiate<decltype(as_tuple), Signature>(
        [&begin](auto handler) {
            asio::any_io_executor executor = asio::get_associated_executor(handler);
            begin(std::move(executor), std::move(handler));
        },
        as_tuple);
}

// A transfer that has begun, as part of the frame of the coroutine that waits for it: the short way, for calls that nothing
// but readiness, a close and Asio's cancellation can end. Destroyed with the frame, it leaves the stream in order.
class begun_transfer final : public waiter {
public:
    begun_transfer(channel& c, operation& op) noexcept : channel_(c), op_(op), wait_(c, op.side) {}
    begun_transfer(const begun_transfer&) = delete;
    begun_transfer& operator=(const begun_transfer&) = delete;
    ~begun_transfer()
    {
        if (waiting_)
            wait_.abandon(*this);
        if (failed_) {
            op_.give_up();
            op_.report();
        }
        channel_.of(op_.side).lock.unlock();
        if (op_.side == direction::write)
            channel_.sender_left();
    }

    /// Goes on until it has to wait (false) or is over (true): see the operation's result.
    [[nodiscard]] bool advance()
    {
        const channel_use use(channel_);
        if (!use)
            op_.result = errc::closed;
        else if (!op_.result) {
            const step s = op_.advance(false);
            again_ = s == step::again;
            if (s != step::done)
                return false;
        }
        failed_ = op_.result.failed();
        return true;
    }

    // Begins a wait.
    template <class Handler>
    void operator()(const asio::any_io_executor& executor, Handler handler)
    {
        const wait_targets targets = wait_.arm();
        std::optional<error_code> ended = error_code();
        if (!again_ && targets.now())
            wait_.skip(op_);
        else if (!again_) {
            waiting_ = true;
            kicked_ = false;
            ended = wait_.begin(
                targets, executor, asio::query(executor, asio::execution::context), *this, [] { return true; },
                [&handler] { return std::move(handler); });
        }
        if (ended)
            asio::post(executor, asio::append(std::move(handler), *ended));
    }

    void waited(error_code ec) noexcept
    {
        const bool began = std::exchange(waiting_, false);
        if (began)
            wait_.end(op_);
        if (ec && !(began && kicked_))
            op_.result = ec == asio::error::operation_aborted ? error_code(errc::cancelled) : ec;
    }

    void kick() noexcept override
    {
        kicked_ = true;
        try {
            channel_.of(op_.side).point->watched().cancel();
        } catch (const boost::system::system_error&) { // it has completed
        }
    }

private:
    channel& channel_;
    operation& op_;
    descriptor_wait wait_;
    bool failed_ = true;
    bool again_ = false;
    bool waiting_ = false;
    bool kicked_ = false; // guarded by the wait point's mutex while waiting
};

bool is_cancelled(asio::cancellation_state s) noexcept
{
    return s.cancelled() != asio::cancellation_type::none;
}

// Whether nothing but the descriptor has to be waited for.
bool is_unlimited(const until& limit) noexcept
{
    return limit.deadline().is_never() && !limit.stop().stop_possible();
}

template <class T>
T result_of(read_result& r, const error_code& ec)
{
    if (ec)
        throw_error(ec, r.data, r.transferred);
    if constexpr (std::same_as<T, bytes>)
        return std::move(r.data);
    else
        return r.transferred;
}

template <class T>
asio::awaitable<T> await_read(channel_ptr c, read_request request, until limit)
{
    if (is_cancelled(co_await asio::this_coro::cancellation_state))
        throw_error(errc::cancelled);
    if (++in_a_row == 64)
        co_await be_fair();
    const bool unlimited = is_unlimited(limit);
    if (!limit.stop().stop_requested()) {
        if (!c)
            throw_error(errc::closed);
        read_result r;
        read_operation op(*c, request, r);
        const at_once tried = run_at_once(*c, op, unlimited);
        if (tried == at_once::refused)
            throw_error(errc::closed);
        if (tried == at_once::done)
            co_return result_of<T>(r, op.result);
        if (tried == at_once::begun && unlimited) {
            {
                begun_transfer transfer(*c, op);
                do {
                    error_code ec;
                    try {
                        std::tie(ec) = co_await suspend<void(error_code)>(transfer);
                    } catch (const boost::system::system_error& e) { // cancelled before, so it does not even suspend
                        ec = e.code();
                    }
                    transfer.waited(ec);
                } while (!transfer.advance());
            }
            co_return result_of<T>(r, op.result);
        }
    }
    read_report report;
    request.report = &report;
    auto begin_read = [&](asio::any_io_executor executor, auto handler) {
        start(std::move(c), std::move(request), std::move(limit), std::move(executor),
              asio::any_completion_handler<void(error_code, T)>(std::move(handler)));
    };
    auto [ec, result] = co_await suspend<void(error_code, T)>(begin_read);
    if (report.thrown)
        std::rethrow_exception(report.thrown);
    if constexpr (std::same_as<T, bytes>) {
        if (ec)
            throw_error(ec, result, report.transferred);
    } else if (ec)
        throw_error(ec, {}, report.transferred);
    co_return std::move(result);
}

} // namespace

void start(channel_ptr c, read_request request, until limit, asio::any_io_executor executor, bytes_handler handler)
{
    if (!c)
        return fail(executor, std::move(handler), errc::closed);
    begin<async_read<bytes_handler>>(std::move(handler), std::move(c), std::move(request), std::move(limit),
                                     std::move(executor));
}

void start(channel_ptr c, read_request request, until limit, asio::any_io_executor executor, size_handler handler)
{
    if (!c)
        return fail(executor, std::move(handler), errc::closed);
    begin<async_read<size_handler>>(std::move(handler), std::move(c), std::move(request), std::move(limit),
                                    std::move(executor));
}

void start(channel_ptr c, write_request request, until limit, asio::any_io_executor executor, size_handler handler)
{
    if (request.refused)
        return fail(executor, std::move(handler), request.refused);
    if (!c) // closing what is closed is no error
        return fail(executor, std::move(handler),
                    request.kind == write_request::what::close ? error_code() : errc::closed);
    begin<async_write>(std::move(handler), std::move(c), std::move(request), std::move(limit), std::move(executor));
}

void start(cross_lock& lock, until limit, asio::any_io_executor executor, void_handler handler)
{
    begin<async_locking>(std::move(handler), lock, std::move(limit), std::move(executor));
}

asio::awaitable<bytes> await_bytes(channel_ptr c, read_request request, until limit)
{
    return await_read<bytes>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, read_request request, until limit)
{
    return await_read<std::size_t>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, write_request request, until limit)
{
    if (is_cancelled(co_await asio::this_coro::cancellation_state))
        throw_error(errc::cancelled);
    if (++in_a_row == 64)
        co_await be_fair();
    if (request.refused)
        throw_error(request.refused);
    if (!c && request.kind == write_request::what::close)
        co_return 0;
    if (!c)
        throw_error(errc::closed);
    write_operation op(*c, request);
    // What closes has one way of ending, whatever becomes of the flush: that of `async_write`.
    const bool directly = !limit.stop().stop_requested() && request.kind != write_request::what::close;
    const at_once tried = directly ? run_at_once(*c, op, true) : at_once::busy;
    if (tried == at_once::refused)
        throw_error(errc::closed);
    if (tried == at_once::done) {
        if (op.result)
            throw_error(op.result, {}, op.sent());
        co_return op.sent();
    }
    if (tried == at_once::begun && is_unlimited(limit)) {
        {
            begun_transfer transfer(*c, op);
            do {
                error_code ec;
                try {
                    std::tie(ec) = co_await suspend<void(error_code)>(transfer);
                } catch (const boost::system::system_error& e) { // cancelled before, so it does not even suspend
                    ec = e.code();
                }
                transfer.waited(ec);
            } while (!transfer.advance());
        }
        if (op.result)
            throw_error(op.result, {}, op.sent());
        co_return op.sent();
    }
    held_lock held(*c, op, tried == at_once::begun);
    auto begin_write = [&](asio::any_io_executor executor, auto handler) {
        if (held.is_held) {
            begin<async_write>(size_handler(std::move(handler)), c, std::cref(op), std::move(request), std::move(limit),
                               std::move(executor));
            held.is_held = false;
        } else
            start(c, std::move(request), std::move(limit), std::move(executor), size_handler(std::move(handler)));
    };
    error_code ec;
    std::size_t sent = 0;
    try {
        std::tie(ec, sent) = co_await suspend<void(error_code, std::size_t)>(begin_write);
    } catch (const boost::system::system_error& e) { // as above
        ec = e.code() == asio::error::operation_aborted ? error_code(errc::cancelled) : e.code();
        sent = op.sent();
    }
    if (ec)
        throw_error(ec, {}, sent);
    co_return sent;
}

asio::awaitable<void> await_lock(cross_lock& lock, until limit)
{
    if (!limit.stop().stop_requested() && lock.try_lock())
        co_return;
    auto begin_lock = [&](asio::any_io_executor executor, auto handler) {
        start(lock, std::move(limit), std::move(executor), void_handler(std::move(handler)));
    };
    const auto [ec] = co_await suspend<void(error_code)>(begin_lock);
    if (ec)
        throw_error(ec);
}

} // namespace ferrule::detail
