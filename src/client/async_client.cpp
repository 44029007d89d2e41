#include <ferrule/client/async_client.hpp>

#include "platform/on_stop.hpp"
#include "src/client/perform.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>

namespace ferrule::detail {
namespace {

class suspending {
public:
    template <class T>
    using task = asio::awaitable<T>;
    template <class T>
    using argument = T;

    static asio::awaitable<void> acquire(cross_lock& lock, const until& timeout) { return await_lock(lock, timeout); }
    static asio::awaitable<std::size_t> send(const channel_ptr& c, exchange& x, until timeout)
    {
        return await_size(c, write_request(x.request()), std::move(timeout));
    }
    static asio::awaitable<transfer_result> receive(const channel_ptr& c, exchange& x, until timeout)
    {
        return await_result(c, read_request(x.reply()), std::move(timeout));
    }
    static asio::awaitable<duplex> connection(message_reader<accepted<void>>& from, const until& timeout)
    {
        return from.async_recv(timeout);
    }
    static asio::awaitable<void> run(connected_coroutine& f, const client_session& s, const until&) { return f.run(s); }
};

/// Lets every cancellation type reach the call.
asio::awaitable<transfer_result> cancellable(caller by, exchange x)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_return co_await perform<suspending, transfer_result>(std::move(by), std::move(x));
}

} // namespace

template <class T>
asio::awaitable<T> await_for(caller by, exchange x)
{
    return perform<suspending, T>(std::move(by), std::move(x));
}
template FERRULE_EXPORT asio::awaitable<bytes> await_for(caller, exchange);
template FERRULE_EXPORT asio::awaitable<std::optional<bytes>> await_for(caller, exchange);
template FERRULE_EXPORT asio::awaitable<std::vector<bytes>> await_for(caller, exchange);
template FERRULE_EXPORT asio::awaitable<std::size_t> await_for(caller, exchange);
template FERRULE_EXPORT asio::awaitable<void> await_for(caller, exchange);

void start(const caller& by, exchange&& x, asio::any_io_executor executor, completion handler)
{
    auto slot = asio::get_associated_cancellation_slot(handler);
    asio::co_spawn(std::move(executor), cancellable(by, std::move(x)),
                   asio::bind_cancellation_slot(
                       slot, [handler = std::move(handler)](std::exception_ptr thrown, transfer_result r) mutable {
                           error_code ec;
                           if (thrown) {
                               try {
                                   std::rethrow_exception(thrown);
                               } catch (...) {
                                   ec = failure_of_call();
                               }
                               r.thrown = thrown;
                           }
                           std::move(handler)(ec, std::move(r));
                       }));
}

void run_here(connected_coroutine& f, const client_session& s, const until& timeout)
{
    asio::io_context context(1);
    std::exception_ptr thrown;
    bool is_done = false;
    asio::co_spawn(context, f.run(s), [&](std::exception_ptr e) {
        thrown = std::move(e);
        is_done = true;
    });
    const auto stop = [&context]() noexcept { context.stop(); };
    const os::on_stop<decltype(stop)> on_stop(timeout.stop(), stop);
    if (timeout.deadline().is_never())
        context.run();
    else
        context.run_until(timeout.deadline().at());
    if (!is_done)
        throw_error(timeout.stop().stop_requested() ? errc::cancelled : errc::timed_out);
    if (thrown)
        std::rethrow_exception(thrown);
}

} // namespace ferrule::detail
