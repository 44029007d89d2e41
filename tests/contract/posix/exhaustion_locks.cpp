// A contended lock when memory runs out at any point: each waiter learns what becomes of it, and the lock is free afterwards.
#include "contract/posix/shortage.hpp"
#include "support/test.hpp"

namespace {

constexpr unsigned waiters = 3;

void free_afterwards(cross_lock& lock)
{
    CHECK_FALSE(lock.locked());
    REQUIRE(lock.try_lock_for(10s));
    lock.unlock();
}

void with_handlers(shortage& s, bool context_ends, const until& limit)
{
    auto lock = std::make_unique<cross_lock>(); // so that ASan sees who uses it too late
    REQUIRE(lock->try_lock());
    auto context = std::make_unique<asio::io_context>();
    unsigned called = 0;
    unsigned thrown = 0;
    unsigned had = 0;
    bool ran = false;
    s.begin();
    for (unsigned i = 0; i < waiters; ++i) {
        try {
            lock->async_lock(limit, asio::bind_executor(*context, [&](error_code ec) {
                                 const plenty p;
                                 ++called;
                                 CHECK((!ec || says_shortage(ec)));
                                 if (!ec) {
                                     ++had;
                                     lock->unlock();
                                 }
                             }));
        } catch (const std::bad_alloc&) {
            ++thrown;
        }
    }
    try {
        context->poll();
        lock->unlock();
        if (context_ends)
            context.reset();
        else {
            context->restart();
            context->run();
        }
        ran = true;
    } catch (const std::bad_alloc&) {
    }
    s.end();
    CHECK(ran);
    if (!context_ends)
        CHECK(called + thrown == waiters);
    CHECK(called + thrown <= waiters);
    if (!s.has_refused() && !context_ends)
        CHECK(had == waiters);
    free_afterwards(*lock);
}

template <class... Token>
void with_a_coroutine(shortage& s, Token... token)
{
    auto lock = std::make_unique<cross_lock>();
    REQUIRE(lock->try_lock());
    asio::io_context context;
    unsigned others = 0;
    const auto another = [&] {
        lock->async_lock(asio::bind_executor(context, [&](error_code ec) {
            const plenty p;
            ++others;
            CHECK((!ec || says_shortage(ec)));
            if (!ec)
                lock->unlock();
        }));
    };
    bool ended = false;
    const auto body = [&]() -> asio::awaitable<void> {
        error_code ec;
        try {
            const until limit(20s);
            s.begin();
            co_await lock->async_lock(limit, token...);
            s.end();
        } catch (...) {
            s.end();
            ec = detail::thrown_code();
        }
        CHECK(s.explains(ec));
        if (!ec)
            lock->unlock();
        ended = true;
    };
    another();
    asio::co_spawn(context, body(), asio::detached);
    asio::post(context, [&] {
        const plenty p;
        another();
        lock->unlock();
    });
    CHECK_NOTHROW(context.run());
    CHECK(ended);
    CHECK(others == 2);
    free_afterwards(*lock);
}

void with_a_thread(shortage& s)
{
    cross_lock lock;
    REQUIRE(lock.try_lock());
    bool has = true;
    std::thread([&] { CHECK(s.explains(s.during([&] { has = lock.try_lock_for(1ms); }))); }).join();
    CHECK_FALSE(has);
    lock.unlock();
    free_afterwards(lock);
}

} // namespace

TEST_CASE("exhaustion: a contended lock, with handlers")
{
    with_each_shortage("async_lock", [](shortage& s) { with_handlers(s, false, {}); });
    with_each_shortage("async_lock with a limit", [](shortage& s) { with_handlers(s, false, until(20s)); });
    with_each_shortage("async_lock, and the context ends", [](shortage& s) { with_handlers(s, true, {}); });
}

TEST_CASE("exhaustion: a contended lock, with coroutines and threads")
{
    with_each_shortage("async_lock in a coroutine", [](shortage& s) { with_a_coroutine(s); });
    with_each_shortage("async_lock with use_awaitable", [](shortage& s) { with_a_coroutine(s, asio::use_awaitable); });
    with_each_shortage("lock", with_a_thread);
}
