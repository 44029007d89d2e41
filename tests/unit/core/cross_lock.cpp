#include "support/test.hpp"
#include "support/work_for.hpp"

TEST_CASE("cross_lock: excludes, can be tried, is not recursive")
{
    cross_lock l;
    REQUIRE(l.try_lock());
    CHECK(l.locked());
    CHECK_FALSE(l.try_lock());
    CHECK_FALSE(l.try_lock_for(0s));
    CHECK(l.acquire(deadline::now()) == errc::lock_timed_out);
    l.unlock();
    CHECK_FALSE(l.locked());
    const std::scoped_lock as_lockable(l);
    std::unique_lock as_timed(l, std::defer_lock);
    CHECK_FALSE(as_timed.try_lock_for(1ms));
    CHECK_FALSE(as_timed.try_lock_until(std::chrono::system_clock::now()));
}

TEST_CASE("cross_lock: a waiting thread gives up at its deadline and on a stop request")
{
    cross_lock l;
    l.lock();
    CHECK(l.acquire(2ms) == errc::lock_timed_out);
    std::stop_source stop;
    std::thread other([&] { CHECK(l.acquire(stop.get_token()) == errc::cancelled); });
    stop.request_stop();
    other.join();
    CHECK(l.acquire(stop.get_token()) == errc::cancelled);
    l.unlock();
    CHECK(l.try_lock());
    l.unlock();
}

TEST_CASE("cross_lock: a thread and a coroutine hand it to each other")
{
    cross_lock l;
    asio::io_context context;
    int order = 0;
    l.lock();
    asio::co_spawn(
        context,
        [](cross_lock& lock, int& n) -> asio::awaitable<void> {
            co_await lock.async_lock();
            CHECK(n++ == 1);
            lock.unlock();
        }(l, order),
        asio::detached);
    context.poll();
    CHECK(order == 0);
    std::thread other([&] {
        order++;
        l.unlock();
    });
    context.run();
    other.join();
    CHECK(order == 2);
    CHECK_FALSE(l.locked());
}

TEST_CASE("cross_lock: unlock does not run a waiter")
{
    cross_lock l;
    asio::io_context context;
    bool ran = false;
    l.lock();
    l.async_lock(asio::bind_executor(context, [&](error_code ec) {
        ran = !ec;
        l.unlock();
    }));
    context.poll();
    asio::post(context, [&] {
        l.unlock();
        CHECK_FALSE(ran);
    });
    context.run();
    CHECK(ran);
}

TEST_CASE("cross_lock: completes through the executor even if it is free")
{
    cross_lock l;
    asio::io_context context;
    bool ran = false;
    l.async_lock(asio::bind_executor(context, [&](error_code ec) { ran = !ec; }));
    CHECK_FALSE(ran);
    CHECK_FALSE(l.locked()); // it would be lost with a handler that is thrown away
    context.run();
    CHECK(ran);
    CHECK(l.locked());
    l.unlock();
}

TEST_CASE("cross_lock: an asynchronous waiter is cancelled by slot, stop token and deadline")
{
    cross_lock l;
    asio::io_context context;
    l.lock();
    asio::cancellation_signal signal;
    std::stop_source stop;
    std::vector<error_code> results;
    const auto note = [&](error_code ec) { results.push_back(ec); };
    l.async_lock(asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, note)));
    context.poll();
    signal.emit(asio::cancellation_type::total);
    context.run();
    context.restart();
    l.async_lock(stop.get_token(), asio::bind_executor(context, note));
    context.poll();
    stop.request_stop();
    context.run();
    context.restart();
    l.async_lock(2ms, asio::bind_executor(context, note));
    context.run();
    context.restart();
    l.async_lock(deadline::now(), asio::bind_executor(context, note));
    context.run();
    REQUIRE(results.size() == 4);
    CHECK(results[0] == errc::cancelled);
    CHECK(results[1] == errc::cancelled);
    CHECK(results[2] == errc::lock_timed_out);
    CHECK(results[3] == errc::lock_timed_out);
    l.unlock();
    CHECK(l.try_lock()); // nobody of them is left in the queue
    l.unlock();
}

TEST_CASE("cross_lock: a cancel that comes after the lock was granted does nothing")
{
    cross_lock l;
    asio::io_context context;
    asio::cancellation_signal signal;
    error_code result = errc::malformed;
    l.async_lock(asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, [&](error_code ec) {
                                                  signal.emit(asio::cancellation_type::all);
                                                  result = ec;
                                              })));
    context.run();
    CHECK_FALSE(result);
    CHECK(l.locked());
    l.unlock();
}

TEST_CASE("cross_lock: a context that ends takes its waiters with it")
{
    cross_lock l;
    l.lock();
    auto alive = std::make_shared<int>();
    {
        asio::io_context context;
        l.async_lock(asio::bind_executor(context, [alive](error_code) { FAIL("ran"); }));
        l.async_lock(asio::bind_executor(context, [alive](error_code) { FAIL("ran"); }));
        context.poll(); // both queue
        CHECK(alive.use_count() == 3);
    }
    CHECK(alive.use_count() == 1);
    l.unlock();
    CHECK(l.try_lock());
    l.unlock();
}

TEST_CASE("cross_lock: a handler that is destroyed unrun passes the lock on")
{
    cross_lock l;
    asio::io_context other;
    bool ran = false;
    {
        asio::io_context dying;
        l.lock();
        l.async_lock(asio::bind_executor(dying, [](error_code) { FAIL("ran"); }));
        l.async_lock(asio::bind_executor(other, [&](error_code ec) {
            ran = !ec;
            l.unlock();
        }));
        dying.poll(); // both queue
        other.poll();
        l.unlock(); // offered to the first, whose context ends before it runs
    }
    other.run();
    CHECK(ran);
    {
        asio::io_context dying;
        l.async_lock(asio::bind_executor(dying, [](error_code) { FAIL("ran"); })); // free
    }
    CHECK_FALSE(l.locked());
}

TEST_CASE("cross_lock: a context that does not run is passed over and keeps its place")
{
    cross_lock l;
    asio::io_context idle;
    bool ran = false;
    l.lock();
    l.async_lock(asio::bind_executor(idle, [&](error_code ec) {
        ran = !ec;
        l.unlock();
    }));
    idle.poll(); // it queues
    std::atomic<int> served{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            for (int k = 0; k < 5; ++k) {
                l.lock();
                ++served;
                l.unlock();
            }
        });
    l.unlock();
    for (auto& t : threads)
        t.join();
    CHECK(served == 15);
    CHECK_FALSE(ran);
    idle.run();
    CHECK(ran);
}

TEST_CASE("cross_lock: a coroutine of another context goes past one that does not run")
{
    cross_lock l;
    asio::io_context idle;
    asio::io_context busy;
    bool idle_ran = false;
    bool busy_ran = false;
    l.lock();
    l.async_lock(asio::bind_executor(idle, [&](error_code ec) {
        idle_ran = !ec;
        l.unlock();
    }));
    l.async_lock(asio::bind_executor(busy, [&](error_code ec) {
        busy_ran = !ec;
        l.unlock();
    }));
    idle.poll(); // both queue
    busy.poll();
    l.unlock();
    busy.run();
    CHECK(busy_ran);
    CHECK_FALSE(idle_ran);
    idle.run();
    CHECK(idle_ran);
}

TEST_CASE("cross_lock: a context with long turns gets a lock that threads take all the time")
{
    constexpr int wanted = 10;
    cross_lock l;
    asio::io_context context;
    std::atomic<bool> over{false};
    int times = 0;
    int turns = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            while (!over) {
                l.lock();
                work_for(1ms);
                l.unlock();
            }
        });
    std::function<void()> turn = [&] {
        ++turns;
        work_for(15ms);
        if (times < wanted)
            asio::post(context, turn);
    };
    turn();
    asio::co_spawn(
        context,
        [](cross_lock& lock, int& n) -> asio::awaitable<void> {
            while (n < wanted) {
                co_await lock.async_lock();
                ++n;
                lock.unlock();
                co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
            }
        }(l, times),
        asio::detached);
    context.run();
    over = true;
    CHECK(turns < wanted * 7 * 3); // the bound is 7 turns each, if the threads run all the time
}

TEST_CASE("cross_lock: a blocked strand does not keep other strands of its context out")
{
    cross_lock l;
    asio::thread_pool pool(2);
    const auto blocked = asio::make_strand(pool);
    const auto other = asio::make_strand(pool);
    std::promise<void> go_on;
    std::promise<void> entered;
    bool late = false;
    std::promise<void> served;
    l.lock();
    l.async_lock(asio::bind_executor(blocked, [&](error_code ec) {
        late = !ec;
        l.unlock();
    }));
    l.async_lock(asio::bind_executor(other, [&](error_code ec) {
        CHECK_FALSE(ec);
        l.unlock();
        served.set_value();
    }));
    asio::post(blocked, [&] {
        entered.set_value();
        go_on.get_future().wait();
    });
    entered.get_future().wait();
    l.unlock();
    served.get_future().wait();
    CHECK_FALSE(late);
    go_on.set_value();
    pool.join();
    CHECK(late);
}

TEST_CASE("cross_lock: works with every kind of completion token")
{
    cross_lock l;
    asio::thread_pool pool(1);
    l.async_lock(asio::bind_executor(pool, asio::use_future)).get();
    l.unlock();
    auto deferred = l.async_lock(asio::deferred);
    std::move(deferred)(asio::bind_executor(pool, asio::use_future)).get();
    l.unlock();
    asio::co_spawn(
        pool,
        [](cross_lock& lock) -> asio::awaitable<void> {
            const auto [ec] = co_await lock.async_lock(asio::as_tuple(asio::use_awaitable));
            CHECK_FALSE(ec);
            const auto [again] = co_await lock.async_lock(1ms, asio::as_tuple(asio::use_awaitable));
            CHECK(again == errc::lock_timed_out);
            lock.unlock();
        }(l),
        asio::use_future)
        .get();
}
