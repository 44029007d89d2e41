// The asynchronous calls, with completion handlers and awaitables, over `async_operation`.
#include <ferrule/detail/async_core.hpp>

#include "src/core/async_operation.hpp"
#include "src/core/transfer.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace ferrule::detail {

namespace asio = boost::asio;

namespace {

// ---- what a call needs for as long as it runs ----

/// `Request` is a reference where the request outlives the call. This keeps the frames of coroutines small, since Asio
/// does not recycle the memory of large ones.
template <class Request>
class transfer_call {
public:
    transfer_call(channel_ptr c, Request&& r)
        : channel(std::move(c)),
          request_(std::forward<Request>(r)),
          by_kind_(*channel, request_, result_)
    {
    }

    [[nodiscard]] operation* algorithm() noexcept { return &static_cast<operation&>(by_kind_); }
    [[nodiscard]] transfer_result& result(error_code& ec) noexcept
    {
        if constexpr (std::same_as<std::remove_cvref_t<Request>, write_request>)
            if (request_.kind == write_request::what::close) { // even if the flush has failed
                result_.transferred = close(channel, deadline::now());
                ec = {};
            }
        return result_;
    }

    const channel_ptr channel;

private:
    Request request_;
    transfer_result result_;
    operation_for<Request> by_kind_;
};

template <class Request>
cross_lock& lock_for(channel& c) noexcept
{
    return std::same_as<std::remove_cvref_t<Request>, read_request> ? c.reading.lock : c.writing.lock;
}

class lock_call {
public:
    [[nodiscard]] static operation* algorithm() noexcept { return nullptr; }
    [[nodiscard]] static transfer_result result(error_code&) noexcept { return {}; }
};

/// The result of a suspended call. A plain `error_code` would be thrown.
class call_ended {
public:
    explicit call_ended(const error_code& ec) noexcept : error(ec) {}

    error_code error;
};

/// An operation that contains its call or, for `Call&`, refers to it.
template <class Call, class Handler>
class async_call final : public async_operation {
public:
    template <class... Args>
    async_call(asio::any_io_executor&& executor, until&& timeout, Handler&& handler, cross_lock& lock,
               const channel_ptr& c, Args&&... args)
        : async_operation(std::move(executor), std::move(timeout), lock, c),
          call_(std::forward<Args>(args)...),
          handler_(std::move(handler))
    {
        if (operation* const op = call_.algorithm())
            set_operation(*op);
    }

private:
    void deliver(error_code ec) override
    {
        if constexpr (std::is_reference_v<Call>) { // the owner of the call takes the result
            Handler handler = std::move(handler_);
            std::move(handler)(call_ended(ec));
        } else {
            transfer_result result = std::move(call_.result(ec));
            Handler handler = std::move(handler_);
            std::move(handler)(ec, std::move(result));
        }
    }

    Call call_;
    Handler handler_;
};

/// If this throws, the handler is unchanged.
template <class Call, class Handler, class... Args>
auto make_call(asio::any_io_executor&& executor, until&& timeout, Handler& handler, Args&&... args)
{
    using type = async_call<Call, Handler>;
    return std::allocate_shared<type>(asio::recycling_allocator<type>(), std::move(executor), std::move(timeout),
                                      std::move(handler), std::forward<Args>(args)...);
}

/// Lets the executor call `f`. Without memory for that, a coroutine is resumed inside this call. An exception would
/// leave the `run` of its context instead, and Asio ends the process when it destroys the handler.
template <class F>
void call_later(const asio::any_io_executor& executor, bool in_coroutine, F f)
{
    std::shared_ptr<F> kept;
    try {
        kept = std::allocate_shared<F>(asio::recycling_allocator<F>(), std::move(f));
        asio::post(executor, [kept] { std::move (*kept)(); });
        return;
    } catch (const std::bad_alloc&) {
        if (!in_coroutine)
            throw;
    }
    kept ? std::move (*kept)() : std::move(f)();
}

/// Starts the operation that `make()` returns. Unless `make` throws, it takes over the handler.
template <class Make, class Handler>
void begin(bool in_coroutine, Handler& handler, Make make)
{
    const auto slot = asio::get_associated_cancellation_slot(handler);
    std::shared_ptr<async_operation> op;
    try {
        op = make();
    } catch (const std::bad_alloc&) {
        if (!in_coroutine)
            throw;
        if constexpr (std::same_as<Handler, completion>)
            return std::move(handler)(no_memory(), transfer_result());
        else
            return std::move(handler)(call_ended(no_memory()));
    }
    async_operation& begun = *op;
    begun.start(std::move(op), slot, in_coroutine);
}

template <class Request>
void start_transfer(channel_ptr&& c, Request&& request, until&& timeout, asio::any_io_executor&& executor,
                    completion&& handler, bool in_coroutine)
{
    if (const auto end = answer(c, request))
        return call_later(executor, in_coroutine,
                          [ec = *end, h = std::move(handler)]() mutable { std::move(h)(ec, transfer_result()); });
    request.outlived = false;
    begin(in_coroutine, handler, [&] {
        return make_call<transfer_call<Request>>(std::move(executor), std::move(timeout), handler,
                                                 lock_for<Request>(*c), c, c, std::move(request));
    });
}

// ---- coroutines ----

// The number of consecutive calls for which this thread's coroutines did not have to wait.
thread_local unsigned in_a_row = 0;
constexpr unsigned max_in_a_row = 64;

bool is_cancelled(const asio::cancellation_state& state, const until& timeout)
{
    return state.cancelled() != asio::cancellation_type::none || timeout.stop().stop_requested();
}

// Whether a coroutine may act before it has suspended. False if it can be cancelled. Asio posts the completion of a
// coroutine that never suspended, and an operator such as `||` may discard the result meanwhile.
bool may_act(const asio::cancellation_state& state, const until& timeout)
{
    if (is_cancelled(state, timeout))
        throw_error(errc::cancelled);
    return !state.slot().is_connected();
}

// Returns what a coroutine awaits until the call that `make(executor, handler)` returns has completed. Unlike
// `use_awaitable`, this needs no frame of its own.
template <class Make>
auto suspend(Make& make)
{
    in_a_row = 0;
    return asio::async_initiate<const asio::deferred_t, void(call_ended)>(
        [&make](auto handler) {
            begin(true, handler, [&] { return make(asio::get_associated_executor(handler), handler); });
        },
        asio::deferred);
}

// Returns what a coroutine awaits until its context has run the handlers that are queued already.
auto let_others_run()
{
    return asio::async_initiate<const asio::deferred_t, void()>(
        [](auto handler) {
            const asio::any_io_executor executor = asio::get_associated_executor(handler);
            call_later(executor, true, std::move(handler));
        },
        asio::deferred);
}

template <class T>
T result_as(transfer_result& r) noexcept
{
    if constexpr (std::same_as<T, bytes>)
        return std::move(r.data);
    else if constexpr (std::same_as<T, std::optional<bytes>>)
        return r.ended ? T() : T(std::move(r.data));
    else if constexpr (std::same_as<T, std::size_t>)
        return r.transferred;
    else
        return std::move(r);
}

template <class T, class Request>
asio::awaitable<T> await(channel_ptr c, Request request, until timeout)
{
    if (const auto end = answer(c, request)) {
        if (*end)
            throw_error(*end);
        co_return T();
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if constexpr (std::same_as<Request, write_request>)
        if (request.kind == write_request::what::close && is_cancelled(state, timeout)) // the wait, not the close
            co_return close(c, deadline::now());
    const bool acts = may_act(state, timeout);
    if (acts && ++in_a_row == max_in_a_row) { // a coroutine that never waits must let others run
        in_a_row = 0;
        auto turn_of_others = let_others_run();
        co_await std::move(turn_of_others);
    }
    using call_type = transfer_call<Request&>;
    call_type call(std::move(c), request);
    cross_lock& lock = lock_for<Request>(*call.channel);
    turn t = acts && async_operation::try_lock(lock) ? turn(*call.channel, *call.algorithm()) : turn();
    channel_use use = t ? channel_use(*call.channel) : channel_use();
    const step last = t ? t.advance(timeout.deadline().is_now(), use) : step::again;
    error_code ec;
    if (last == step::done) {
        ec = call.algorithm()->result;
        t.end(ec);
    } else {
        auto make = [&](asio::any_io_executor&& executor, auto& handler) {
            auto op = make_call<call_type&>(std::move(executor), std::move(timeout), handler, lock, call.channel, call);
            if (t)
                op->take_over(std::move(t), last, std::move(use));
            return op;
        };
        auto call_under_way = suspend(make);
        const call_ended end = co_await std::move(call_under_way);
        ec = end.error;
    }
    transfer_result& result = call.result(ec);
    if (ec)
        result.raise(ec);
    co_return result_as<T>(result);
}

} // namespace

void start(channel_ptr c, read_request&& request, until&& timeout, asio::any_io_executor executor, completion handler,
           bool in_coroutine)
{
    start_transfer(std::move(c), std::move(request), std::move(timeout), std::move(executor), std::move(handler),
                   in_coroutine);
}

void start(channel_ptr c, write_request&& request, until&& timeout, asio::any_io_executor executor, completion handler,
           bool in_coroutine)
{
    start_transfer(std::move(c), std::move(request), std::move(timeout), std::move(executor), std::move(handler),
                   in_coroutine);
}

void start(cross_lock& lock, until&& timeout, asio::any_io_executor executor, completion handler, bool in_coroutine)
{
    begin(in_coroutine, handler,
          [&] { return make_call<lock_call>(std::move(executor), std::move(timeout), handler, lock, nullptr); });
}

asio::awaitable<bytes> await_bytes(channel_ptr c, read_request&& request, until&& timeout)
{
    return await<bytes>(std::move(c), std::move(request), std::move(timeout));
}

asio::awaitable<std::optional<bytes>> await_next(channel_ptr c, read_request&& request, until&& timeout)
{
    return await<std::optional<bytes>>(std::move(c), std::move(request), std::move(timeout));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, read_request&& request, until&& timeout)
{
    return await<std::size_t>(std::move(c), std::move(request), std::move(timeout));
}

asio::awaitable<transfer_result> await_result(channel_ptr c, read_request&& request, until&& timeout)
{
    return await<transfer_result>(std::move(c), std::move(request), std::move(timeout));
}

asio::awaitable<std::size_t> await_size(channel_ptr c, write_request&& request, until&& timeout)
{
    return await<std::size_t>(std::move(c), std::move(request), std::move(timeout));
}

asio::awaitable<void> await_lock(cross_lock& lock, until timeout)
{
    const bool acts = may_act(co_await asio::this_coro::cancellation_state, timeout);
    if (acts && async_operation::try_lock(lock))
        co_return;
    lock_call call;
    auto make = [&](asio::any_io_executor&& executor, auto& handler) {
        return make_call<lock_call&>(std::move(executor), std::move(timeout), handler, lock, nullptr, call);
    };
    auto call_under_way = suspend(make);
    const call_ended end = co_await std::move(call_under_way);
    if (end.error)
        throw_error(end.error);
}

} // namespace ferrule::detail
