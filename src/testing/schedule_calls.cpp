#include "src/testing/schedule.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace ferrule::testing::kit {
namespace {

/// A coroutine whose frame owns what the call uses. It reports the outcome itself, because its own completion may come
/// later. Rethrows exceptions of the call.
template <class T, class Witness, class Judge>
asio::awaitable<void> reporting(std::shared_ptr<void> owned, asio::awaitable<T> call, Witness w, Judge done)
{
    const auto mine = std::move(owned);
    outcome<T> o;
    std::exception_ptr thrown;
    try {
        o.value = co_await std::move(call);
    } catch (...) {
        thrown = std::current_exception();
        note_exception(o, thrown);
    }
    w.called(thrown == nullptr);
    done(o);
    if (thrown)
        std::rethrow_exception(thrown);
}

/// Any call as an operation of a parallel group.
template <class Begin>
class group_member {
public:
    explicit group_member(const Begin& b) : begin_(b) {}

    template <class Handler>
    void operator()(Handler&& h) const
    {
        const auto slot = asio::get_associated_cancellation_slot(h);
        const auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(h));
        begin_(slot, [kept](error_code ec) { std::move (*kept)(ec); });
    }

private:
    Begin begin_;
};

} // namespace

template <class T>
void schedule::start(executor ex, const record& r, std::shared_ptr<void> owned, asio::awaitable<T> call, judge<T> done)
{
    auto reports = reporting(std::move(owned), std::move(call), witness(this, r), std::move(done));
    launch(ex, r, std::move(reports));
}

template void schedule::start(executor, const record&, std::shared_ptr<void>, asio::awaitable<bytes>, judge<bytes>);
template void schedule::start(executor, const record&, std::shared_ptr<void>, asio::awaitable<std::size_t>,
                              judge<std::size_t>);
template void schedule::start(executor, const record&, std::shared_ptr<void>, asio::awaitable<std::optional<bytes>>,
                              judge<std::optional<bytes>>);

// Runs a call alone, or with another operation under one of Asio's operators.
void schedule::launch(executor ex, const record& r, asio::awaitable<void> call)
{
    const auto spawn = [&](asio::awaitable<void> a) {
        // The exceptions have been judged already.
        asio::co_spawn(
            ex, std::move(a),
            asio::bind_cancellation_slot(r->signal->slot(), asio::bind_executor(ex, [](std::exception_ptr) {})));
    };
    if (half_) {
        half_of_a_pair first = *std::exchange(half_, std::nullopt);
        const bool any = dice_.one_in(2);
        log(std::string("    with #") + std::to_string(first.made->number) + (any ? " under ||" : " under &&"));
        r->signal = first.made->signal;
        first.made->combined = r->combined = any ? call_record::rule::any : call_record::rule::all;
        first.made->other = r.get();
        r->other = first.made.get();
        return any ? spawn(either(first.made.get(), std::move(first.call), r.get(), std::move(call)))
                   : spawn(both(std::move(first.call), std::move(call)));
    }
    if (r->kind == what::close)
        return spawn(std::move(call));
    switch (dice_(10)) {
    case 0:
        log("    || something else");
        return spawn(either(r.get(), std::move(call), nullptr, something_else(r.get(), dice_(4))));
    case 1:
        log("    something else || it");
        return spawn(either(nullptr, something_else(r.get(), dice_(4)), r.get(), std::move(call)));
    case 2: log("    && something else"); return spawn(both(std::move(call), something_else(nullptr, dice_(4))));
    case 3: return launch_pair(ex, r, std::move(call));
    default: return spawn(std::move(call));
    }
}

// Runs a call together with another call that is made now.
void schedule::launch_pair(executor ex, const record& first, asio::awaitable<void> call)
{
    half_.emplace(half_of_a_pair{ex, first, std::move(call)});
    end& e = ends_[dice_(2)];
    if (e.in != nullptr && (e.out == nullptr || dice_.one_in(2)))
        read_something(e);
    else if (e.out != nullptr)
        send_something(e);
    if (!half_) // perhaps no other call was made
        return;
    half_of_a_pair alone = *std::exchange(half_, std::nullopt);
    asio::co_spawn(
        ex, std::move(alone.call),
        asio::bind_cancellation_slot(first->signal->slot(), asio::bind_executor(ex, [](std::exception_ptr) {})));
}

// Takes `turns` turns of the context, or waits for a timer. The competing call has lost then.
asio::awaitable<void> schedule::something_else(call_record* loses, std::size_t turns)
{
    const auto ex = co_await asio::this_coro::executor;
    if (turns == 0) {
        asio::steady_timer timer(ex, std::chrono::microseconds(30));
        co_await timer.async_wait(asio::use_awaitable);
    }
    for (std::size_t i = 0; i < turns; ++i)
        co_await asio::post(ex, asio::use_awaitable);
    if (loses != nullptr)
        loses->cancelled = true;
}

asio::awaitable<void> schedule::either(call_record* a, asio::awaitable<void> first, call_record* b,
                                       asio::awaitable<void> second)
{
    using namespace asio::experimental::awaitable_operators;
    const auto won = co_await (std::move(first) || std::move(second));
    const call_record* const winner = won.index() == 0 ? a : b;
    const call_record* const loser = won.index() == 0 ? b : a;
    verdict_.expect(winner == nullptr || winner->succeeded, "a call wins that has failed");
    verdict_.expect(loser == nullptr || !loser->succeeded || loser->is_nothing(),
                    "an operator throws away what a call has done");
}

asio::awaitable<void> schedule::both(asio::awaitable<void> first, asio::awaitable<void> second)
{
    using namespace asio::experimental::awaitable_operators;
    co_await (std::move(first) && std::move(second));
}

// Runs a call in a group that waits for one operation; the other is a timer, or a turn of the context.
void schedule::launch_in_group(executor ex, const record& r, const beginning& begin)
{
    const auto timer = std::make_shared<asio::steady_timer>(ex, std::chrono::microseconds(dice_(2) * 30));
    log("    in a group");
    const auto first = [r](error_code ec) {
        if (!ec)
            r->cancelled = true;
        return asio::deferred.values(ec);
    };
    const auto judged = [this, r, timer](std::array<std::size_t, 2> order, error_code, error_code) {
        verdict_.expect(order[0] == 0 || !r->succeeded || r->is_nothing(), "a call of a group has lost, and succeeded");
    };
    asio::experimental::make_parallel_group(
        asio::async_initiate<const asio::deferred_t&, void(error_code)>(group_member<beginning>(begin), asio::deferred),
        timer->async_wait(asio::deferred(first)))
        .async_wait(asio::experimental::wait_for_one(),
                    asio::bind_cancellation_slot(r->signal->slot(), asio::bind_executor(ex, judged)));
}

} // namespace ferrule::testing::kit
