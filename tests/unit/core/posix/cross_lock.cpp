#include "support/posix/descriptors.hpp"
#include "support/test.hpp"
#include "support/work_for.hpp"

#include "platform/os.hpp"

#include <sys/syscall.h>

namespace {

// Until the thread sleeps on a condition variable.
void until_asleep(pid_t thread)
{
    for (long number = -1; number != SYS_futex; std::this_thread::yield()) {
        std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/syscall");
        if (!(file >> number))
            number = -1; // "running"
    }
}

} // namespace

TEST_CASE("cross_lock: a stop request wakes a thread that sleeps")
{
    cross_lock l;
    l.lock();
    std::stop_source stop;
    std::promise<pid_t> id;
    std::jthread other([&] {
        id.set_value(thread_id());
        CHECK(l.acquire(stop.get_token()) == errc::cancelled);
    });
    until_asleep(id.get_future().get());
    stop.request_stop();
    other.join();
    l.unlock();
}

TEST_CASE("cross_lock: the waiters of a context that does not run cost one grace period together")
{
    cross_lock l;
    asio::io_context idle;
    l.lock();
    for (int i = 0; i < 500; ++i)
        l.async_lock(asio::bind_executor(idle, [](error_code) { FAIL("does not run"); }));
    idle.poll(); // they queue
    std::promise<pid_t> id;
    std::chrono::steady_clock::time_point taken;
    std::thread behind([&] {
        id.set_value(thread_id());
        l.lock();
        taken = std::chrono::steady_clock::now();
        l.unlock();
    });
    until_asleep(id.get_future().get());
    const auto released = std::chrono::steady_clock::now();
    l.unlock();
    behind.join();
    CHECK(taken - released < 50 * ferrule::detail::lock_queue::grace);
}

// Wine takes longer than the half millisecond that this needs.
TEST_CASE("cross_lock: a deadline holds for one that has watched another's offer run out")
{
    bool seen = false;
    for (int attempt = 0; attempt < 100 && !seen; ++attempt) {
        cross_lock l;
        asio::io_context idle;
        asio::io_context busy;
        error_code result;
        l.lock();
        l.async_lock(asio::bind_executor(idle, [](error_code) { FAIL("does not run"); }));
        l.async_lock(25ms, asio::bind_executor(busy, [&](error_code ec) {
                         result = ec;
                         if (!ec)
                             l.unlock();
                     }));
        idle.poll(); // both queue
        busy.poll();
        l.unlock();                         // offered to the first; the second watches
        const bool overtook = l.try_lock(); // unless the first has waited for long already
        busy.run();
        if (overtook) {
            seen = true;
            CHECK(result == errc::lock_timed_out);
            l.unlock();
        }
    }
    CHECK(seen);
}

TEST_CASE("cross_lock: a child process can use what was idle at the fork")
{
    cross_lock l;
    l.lock();
    l.unlock();
    CHECK(in_child([&] {
              if (!l.try_lock())
                  return 1;
              if (l.try_lock())
                  return 2;
              l.unlock();
              std::thread([&] { l.lock(); }).join();
              return l.locked() ? 0 : 3;
          }) == 0);
    CHECK_FALSE(l.locked()); // the child's doings are its own
}

TEST_CASE("cross_lock: a child process is refused what was in use at the fork")
{
    cross_lock l;
    asio::io_context context;
    bool ran = false;
    l.lock();
    l.async_lock(asio::bind_executor(context, [&](error_code ec) { ran = !ec; }));
    CHECK(in_child([&] {
              if (l.try_lock())
                  return 1;
              if (l.acquire({}) != errc::forked)
                  return 2;
              l.unlock(); // a guard of the parent's that goes out of scope here
              return l.acquire(deadline::now()) == errc::forked ? 0 : 3;
          }) == 0);
    l.unlock();
    context.run();
    CHECK(ran);
    CHECK(l.locked());
    l.unlock();
}

TEST_CASE("cross_lock: the only thread of a process does not wait for what only it could run")
{
    cross_lock l;
    asio::io_context context;
    // Seen only where the process has never had another thread, as when this test runs alone without a sanitizer.
    CHECK(in_child([&] {
              if (!os::single_threaded())
                  return 0;
              l.async_lock(asio::bind_executor(context, [](error_code) {}));
              context.run();
              if (l.acquire(1ms) != errc::lock_timed_out)
                  return 1;
              return l.acquire({}) == errc::would_deadlock ? 0 : 2;
          }) == 0);
}
