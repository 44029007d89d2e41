#include "support/test.hpp"

namespace {

constexpr int turns = 2000;

// What the lock guards: plain memory, so that a sanitizer sees every overlap.
class guarded {
public:
    void use(int who)
    {
        inside.push_back(who);
        REQUIRE(inside.size() == 1);
        ++uses;
        inside.clear();
    }
    std::vector<int> inside;
    long uses = 0;
};

std::atomic<long> taken{0};
std::atomic<long> given_up{0};

void thread_user(cross_lock& l, guarded& g, int who)
{
    dice roll(static_cast<std::uint32_t>(who));
    for (int i = 0; i < turns; ++i) {
        std::stop_source stop;
        std::jthread stopper;
        until limit;
        switch (roll(8)) {
        case 0: limit = until(std::chrono::microseconds(roll(300))); break;
        case 1:
            limit = until(stop.get_token());
            if (roll.one_in(4))
                stop.request_stop();
            else if (roll.one_in(8))
                stopper = std::jthread([&stop] { stop.request_stop(); });
            break;
        case 2: limit = until(deadline::now()); break;
        default: break;
        }
        if (const error_code ec = l.acquire(limit)) {
            ++given_up;
            continue;
        }
        g.use(who);
        ++taken;
        l.unlock();
    }
}

asio::awaitable<void> coroutine_user(cross_lock& l, guarded& g, int who)
{
    dice roll(static_cast<std::uint32_t>(who));
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < turns; ++i) {
        error_code ec;
        switch (roll(6)) {
        case 0: {
            const std::chrono::microseconds d(roll(300));
            std::tie(ec) = co_await l.async_lock(d, asio::as_tuple(asio::use_awaitable));
            break;
        }
        case 1: {
            auto signal = std::make_shared<asio::cancellation_signal>();
            asio::post(executor, [signal] { signal->emit(asio::cancellation_type::all); });
            auto token = asio::bind_cancellation_slot(signal->slot(), asio::as_tuple(asio::use_awaitable));
            std::tie(ec) = co_await l.async_lock(token);
            break;
        }
        default: co_await l.async_lock(); break;
        }
        if (ec) {
            ++given_up;
            continue;
        }
        if (roll.one_in(16))
            co_await asio::post(executor, asio::use_awaitable); // hold it across a suspension
        g.use(who);
        ++taken;
        l.unlock();
    }
}

} // namespace

TEST_CASE("cross_lock: 16 threads and 16 coroutines on 4 contexts, with cancels and deadlines")
{
    restart_watchdog(240s);
    seed();
    taken = given_up = 0;
    cross_lock l;
    guarded g;
    std::vector<std::unique_ptr<asio::io_context>> contexts;
    for (int c = 0; c < 4; ++c) {
        contexts.push_back(std::make_unique<asio::io_context>());
        for (int k = 0; k < 4; ++k)
            asio::co_spawn(*contexts.back(), coroutine_user(l, g, 100 + 4 * c + k), [](std::exception_ptr e) {
                if (e)
                    std::rethrow_exception(e);
            });
    }
    {
        std::vector<std::jthread> threads;
        for (auto& c : contexts)
            threads.emplace_back([&c] { c->run(); });
        for (int t = 0; t < 16; ++t)
            threads.emplace_back([&, t] { thread_user(l, g, t); });
    }
    CHECK(taken + given_up == 32 * turns);
    CHECK(g.uses == taken);
    CHECK(taken > 32 * turns / 2);
    CHECK_FALSE(l.locked());
    CHECK(l.try_lock());
    l.unlock();
}

TEST_CASE("cross_lock: nobody waits for ever while others hammer")
{
    restart_watchdog(240s);
    cross_lock l;
    std::atomic<bool> over{false};
    std::atomic<long> hammered{0};
    asio::io_context context;
    long patient = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            while (!over) {
                l.lock();
                ++hammered;
                l.unlock();
            }
        });
    while (hammered < 1000)
        std::this_thread::yield();
    asio::co_spawn(
        context,
        [](cross_lock& lock, long& n) -> asio::awaitable<void> {
            for (int i = 0; i < 200; ++i) {
                co_await lock.async_lock();
                ++n;
                lock.unlock();
            }
        }(l, patient),
        asio::detached);
    context.run();
    for (int i = 0; i < 200; ++i) {
        l.lock();
        ++patient;
        l.unlock();
    }
    over = true;
    threads.clear();
    CHECK(patient == 400);
}

namespace {

/// std::barrier, which waits for ever now and then where libstdc++ has no futex.
class meeting_point {
public:
    explicit meeting_point(int threads) : threads_(threads) {}
    void arrive_and_wait()
    {
        std::unique_lock guard(mutex_);
        const int round = round_;
        if (++arrived_ == threads_) {
            arrived_ = 0;
            ++round_;
            changed_.notify_all();
        } else
            changed_.wait(guard, [&] { return round_ != round; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int threads_;
    int arrived_ = 0;
    int round_ = 0;
};

} // namespace

TEST_CASE("cross_lock: may be destroyed by who took it last, while the call of unlock before is about to return")
{
    restart_watchdog(240s);
    dice roll(1);
    constexpr int rounds = 3000;
    constexpr std::byte rubble{0xEE};
    // Written to after the lock is gone: seen by a sanitizer, or here.
    alignas(cross_lock) std::array<std::byte, sizeof(cross_lock)> storage{};
    cross_lock* lock = nullptr;
    std::atomic<bool> gave_up{false};
    std::chrono::microseconds limit{0};
    bool over = false;
    meeting_point next_round(3);
    const auto each_round = [&](auto act) {
        return std::jthread([&, act] {
            for (;;) {
                next_round.arrive_and_wait();
                if (over)
                    return;
                act();
                next_round.arrive_and_wait();
            }
        });
    };
    const auto holder = each_round([&] { lock->unlock(); });
    // Waits for about as long as the holder takes to unlock.
    const auto waiter = each_round([&] {
        if (lock->try_lock_for(limit))
            lock->unlock();
        gave_up = true;
    });
    int survived = 0;
    for (int round = 0; round < rounds; ++round) {
        lock = std::construct_at(reinterpret_cast<cross_lock*>(storage.data()));
        lock->lock();
        gave_up = false;
        limit = std::chrono::microseconds(roll(20));
        next_round.arrive_and_wait();
        while (!gave_up)
            std::this_thread::yield();
        while (!lock->try_lock()) {
        }
        lock->unlock();
        std::destroy_at(lock);
        storage.fill(rubble);
        next_round.arrive_and_wait();
        survived += std::ranges::count(storage, rubble) == static_cast<std::ptrdiff_t>(storage.size());
    }
    over = true;
    next_round.arrive_and_wait();
    CHECK(survived == rounds);
}
