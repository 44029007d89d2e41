// The asynchronous calls: completion handlers and awaitables over `async_operation`.
#include <ferrule/detail/async_core.hpp>

#include "src/async_operation.hpp"
#include "src/read_operation.hpp"
#include "src/write_operation.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <boost/system/errc.hpp>

#include <memory>
#include <new>
#include <utility>

namespace ferrule::detail {

namespace asio = boost::asio;

namespace {

// ---- what a call needs for as long as it runs ----

/// `Request` is a reference where the request outlives the call: Asio keeps no memory for large frames of coroutines.
template <class Request>
class read_call {
public:
    read_call(channel_ptr c, Request&& r)
        : channel(std::move(c)),
          request_(std::forward<Request>(r)),
          algorithm_(*channel, request_, result_)
    {
    }

    [[nodiscard]] cross_lock& lock() const noexcept { return channel->reading.lock; }
    [[nodiscard]] operation* algorithm() noexcept { return &*algorithm_; }
    [[nodiscard]] transfer_result take_result(error_code&) noexcept { return std::move(result_); }

    const channel_ptr channel;

private:
    Request request_;
    transfer_result result_;
    read_by_kind algorithm_;
};

template <class Request>
class write_call {
public:
    write_call(channel_ptr c, Request&& r)
        : channel(std::move(c)),
          request_(std::forward<Request>(r)),
          algorithm_(*channel, request_)
    {
    }

    [[nodiscard]] cross_lock& lock() const noexcept { return channel->writing.lock; }
    [[nodiscard]] operation* algorithm() noexcept { return &algorithm_; }
    [[nodiscard]] transfer_result take_result(error_code& ec) noexcept
    {
        transfer_result r;
        r.transferred = algorithm_.sent();
        if (request_.kind == write_request::what::close) { // whatever has become of the flush
            r.transferred = close(channel, deadline::now());
            ec = {};
        }
        return r;
    }

    const channel_ptr channel;

private:
    Request request_;
    write_operation algorithm_;
};

class lock_call {
public:
    explicit lock_call(cross_lock& l) noexcept : lock_(l) {}

    [[nodiscard]] cross_lock& lock() const noexcept { return lock_; }
    [[nodiscard]] static operation* algorithm() noexcept { return nullptr; }
    [[nodiscard]] static transfer_result take_result(error_code&) noexcept { return {}; }

    static inline const channel_ptr channel{};

private:
    cross_lock& lock_;
};

/// The operation of a call, which it contains or, for `Call&`, refers to.
template <class Call, class Handler>
class async_call final : public async_operation {
public:
    template <class... Args>
    async_call(asio::any_io_executor executor, until limit, Handler&& handler, cross_lock& lock, const channel_ptr& c,
               Args&&... args)
        : async_operation(std::move(executor), std::move(limit), lock, c),
          call_(std::forward<Args>(args)...),
          handler_(std::move(handler))
    {
        if (operation* const op = call_.algorithm())
            set_operation(*op);
    }

private:
    void deliver(error_code ec, std::exception_ptr thrown) override
    {
        transfer_result result = call_.take_result(ec);
        result.thrown = std::move(thrown);
        Handler handler = std::move(handler_);
        std::move(handler)(ec, std::move(result));
    }

    Call call_;
    Handler handler_;
};

/// If this throws, the handler is unchanged.
template <class Call, class Handler, class... Args>
auto make_call(asio::any_io_executor executor, until limit, Handler& handler, Args&&... args)
{
    using type = async_call<Call, Handler>;
    return std::allocate_shared<type>(asio::recycling_allocator<type>(), std::move(executor), std::move(limit),
                                      std::move(handler), std::forward<Args>(args)...);
}

error_code refusal(const channel_ptr& c, const read_request&) noexcept
{
    return c ? error_code() : errc::closed;
}

error_code refusal(const channel_ptr& c, const write_request& r) noexcept
{
    return r.refused ? r.refused : c ? error_code() : errc::closed;
}

// Closing what is closed is no error.
bool is_idle(const channel_ptr& c, const write_request& r) noexcept
{
    return !c && r.kind == write_request::what::close;
}

bool is_idle(const channel_ptr&, const read_request&) noexcept
{
    return false;
}

// For what cannot even begin.
void fail(const asio::any_io_executor& executor, completion handler, error_code why)
{
    asio::post(executor, [why, h = std::move(handler)]() mutable { std::move(h)(why, transfer_result()); });
}

// ---- coroutines ----

// How often this thread's coroutines went on without having to wait.
thread_local unsigned in_a_row = 0;
constexpr unsigned max_in_a_row = 64;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

bool is_cancelled(const asio::cancellation_state& state, const until& limit)
{
    return state.cancelled() != asio::cancellation_type::none || limit.stop().stop_requested();
}

bool closes(const write_request& r) noexcept
{
    return r.kind == write_request::what::close;
}

bool closes(const read_request&) noexcept
{
    return false;
}

// Whether a coroutine may act before it has suspended. Where it can be cancelled, an operator could throw away what it
// returns before anybody sees it: between a coroutine's end and its completion Asio posts, unless it has suspended.
bool may_act(const asio::cancellation_state& state, const until& limit)
{
    if (is_cancelled(state, limit))
        throw_error(errc::cancelled);
    return !state.slot().is_connected();
}

// Suspends the calling coroutine until the call that `make(executor, handler)` returns has completed. What an initiating
// function of a coroutine throws would end its context's `run`.
template <class Make>
auto suspend(Make& make)
{
    in_a_row = 0;
    return asio::async_initiate<decltype(as_tuple), void(error_code, transfer_result)>(
        [&make](auto handler) {
            const auto slot = asio::get_associated_cancellation_slot(handler);
            asio::any_io_executor executor = asio::get_associated_executor(handler);
            std::shared_ptr<async_operation> op;
            try {
                op = make(std::move(executor), handler);
            } catch (const std::bad_alloc&) {
                return std::move(handler)(boost::system::errc::make_error_code(boost::system::errc::not_enough_memory),
                                          transfer_result());
            }
            op->start_in_coroutine(slot);
        },
        as_tuple);
}

template <class T>
T result_as(transfer_result& r) noexcept
{
    if constexpr (std::same_as<T, bytes>)
        return std::move(r.data);
    else if constexpr (std::same_as<T, std::size_t>)
        return r.transferred;
    else
        return std::move(r);
}

template <class T, class Call, class Request>
asio::awaitable<T> await(channel_ptr c, Request request, until limit)
{
    if (is_idle(c, request))
        co_return T();
    if (const error_code ec = refusal(c, request))
        throw_error(ec);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if constexpr (std::same_as<T, std::size_t>)
        if (closes(request) && is_cancelled(state, limit)) // which ends the waiting, not the closing
            co_return close(c, deadline::now());
    const bool acts = may_act(state, limit);
    if (acts && ++in_a_row == max_in_a_row) { // a coroutine that never has to wait lets others run now and then
        in_a_row = 0;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
    Call call(std::move(c), request);
    turn t;
    step next = step::again;
    if (acts && async_operation::try_lock(call.lock())) {
        t = turn(*call.channel, *call.algorithm());
        next = t.advance(limit.deadline().is_now());
        if (next == step::done) {
            error_code ec = call.algorithm()->result;
            t.end(ec);
            transfer_result result = call.take_result(ec);
            if (ec)
                result.raise(ec);
            co_return result_as<T>(result);
        }
    }
    auto make = [&](asio::any_io_executor executor, auto& handler) {
        auto op = make_call<Call&>(std::move(executor), std::move(limit), handler, call.lock(), call.channel, call);
        if (t)
            op->take_over(std::move(t), next);
        return op;
    };
    auto [ec, result] = co_await suspend(make);
    if (ec)
        result.raise(ec);
    co_return result_as<T>(result);
}

} // namespace

void start(channel_ptr c, read_request request, until limit, asio::any_io_executor executor, completion handler)
{
    if (const error_code ec = refusal(c, request))
        return fail(executor, std::move(handler), ec);
    request.outlived = false;
    const auto slot = asio::get_associated_cancellation_slot(handler);
    make_call<read_call<read_request>>(std::move(executor), std::move(limit), handler, c->reading.lock, c, c,
                                       std::move(request))
        ->start(slot);
}

void start(channel_ptr c, write_request request, until limit, asio::any_io_executor executor, completion handler)
{
    if (is_idle(c, request))
        return fail(executor, std::move(handler), {});
    if (const error_code ec = refusal(c, request))
        return fail(executor, std::move(handler), ec);
    const auto slot = asio::get_associated_cancellation_slot(handler);
    request.outlived = false;
    make_call<write_call<write_request>>(std::move(executor), std::move(limit), handler, c->writing.lock, c, c,
                                         std::move(request))
        ->start(slot);
}

void start(cross_lock& lock, until limit, asio::any_io_executor executor, completion handler)
{
    const auto slot = asio::get_associated_cancellation_slot(handler);
    make_call<lock_call>(std::move(executor), std::move(limit), handler, lock, nullptr, lock)->start(slot);
}

asio::awaitable<bytes> await_bytes(channel_ptr c, read_request request, until limit)
{
    return await<bytes, read_call<read_request&>>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, read_request request, until limit)
{
    return await<std::size_t, read_call<read_request&>>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<transfer_result> await_result(channel_ptr c, read_request request, until limit)
{
    return await<transfer_result, read_call<read_request&>>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, write_request request, until limit)
{
    return await<std::size_t, write_call<write_request&>>(std::move(c), std::move(request), std::move(limit));
}

asio::awaitable<void> await_lock(cross_lock& lock, until limit)
{
    const bool acts = may_act(co_await asio::this_coro::cancellation_state, limit);
    if (acts && async_operation::try_lock(lock))
        co_return;
    auto make = [&](asio::any_io_executor executor, auto& handler) {
        return make_call<lock_call>(std::move(executor), std::move(limit), handler, lock, nullptr, lock);
    };
    const auto [ec, result] = co_await suspend(make);
    if (ec)
        result.raise(ec);
}

} // namespace ferrule::detail
