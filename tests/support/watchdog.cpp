#include "support/watchdog.hpp"

#include "support/sanitizers.hpp"

#define CATCH_CONFIG_EXTERNAL_INTERFACES // version 2 hides its listeners otherwise
#include "support/catch.hpp"

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace ferrule::test {
namespace {

class watchdog {
public:
    void start(const std::string& test_case)
    {
        over_ = false;
        begun_ = false;
        restart(usual_limit, test_case);
        thread_ = std::thread([this] { watch(); });
        // A sanitizer needs a descriptor when the thread begins, and the test may be about a lack of them.
        std::unique_lock guard(mutex_);
        changed_.wait(guard, [&] { return begun_; });
    }
    void restart(std::chrono::seconds limit, const std::string& what)
    {
        const std::lock_guard guard(mutex_);
        if (!what.empty())
            what_ = what;
        end_ = std::chrono::steady_clock::now() + limit;
        changed_.notify_one();
    }
    void stop()
    {
        {
            const std::lock_guard guard(mutex_);
            over_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

private:
    void watch()
    {
        std::unique_lock guard(mutex_);
        begun_ = true;
        changed_.notify_one();
        while (!over_ && std::chrono::steady_clock::now() < end_)
            changed_.wait_until(guard, end_);
        if (over_)
            return;
        std::fprintf(stderr, "watchdog: %s hangs\n", what_.c_str());
        std::signal(SIGABRT, SIG_DFL); // Catch2 would end the test case, and with it wait for this thread
        std::abort();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::chrono::steady_clock::time_point end_;
    std::string what_;
    bool begun_ = false;
    bool over_ = false;
    std::thread thread_;
};

watchdog& dog = *new watchdog; // never destroyed: children of tests call exit()

#if CATCH_VERSION_MAJOR < 3
using listener_base = Catch::TestEventListenerBase;
#else
using listener_base = Catch::EventListenerBase;
#endif

class listener final : public listener_base {
public:
    using listener_base::listener_base;
    void testCaseStarting(const Catch::TestCaseInfo& test_case) override { dog.start(test_case.name); }
    void testCaseEnded(const Catch::TestCaseStats&) override { dog.stop(); }
};

#if !defined(FERRULE_THREAD_SANITIZER) // which lets no forked child start a thread if the parent has several
CATCH_REGISTER_LISTENER(listener)
#endif

} // namespace

void restart_watchdog(std::chrono::seconds limit, const std::string& what)
{
    dog.restart(limit, what);
}

} // namespace ferrule::test
