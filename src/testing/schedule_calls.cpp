#include "src/testing/schedule.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferrule::testing::kit {
namespace {

/// A coroutine whose frame owns what the call uses. It reports by itself, since its own completion may come later.
template <class T, class Witness, class Judge>
asio::awaitable<void> reporting(std::shared_ptr<void> owned, asio::awaitable<T> call, Witness w, Judge done)
{
    const auto mine = std::move(owned);
    outcome<T> o;
    try {
        o.value = co_await std::move(call);
    } catch (...) {
        note_exception(o, std::current_exception());
    }
    w.called();
    done(o);
}

} // namespace

template <class T>
void schedule::start(asio::io_context& context, const record& r, std::shared_ptr<void> owned, asio::awaitable<T> call,
                     judge<T> done)
{
    asio::co_spawn(context, reporting(std::move(owned), std::move(call), witness(this, r), std::move(done)),
                   asio::bind_cancellation_slot(r->signal.slot(), asio::detached));
}

template void schedule::start(asio::io_context&, const record&, std::shared_ptr<void>, asio::awaitable<bytes>,
                              judge<bytes>);
template void schedule::start(asio::io_context&, const record&, std::shared_ptr<void>, asio::awaitable<std::size_t>,
                              judge<std::size_t>);

} // namespace ferrule::testing::kit
