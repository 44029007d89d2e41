// Ends a test that hangs, with a message, instead of letting it wait for CTest's timeout.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace ferrule::test {

#if defined(_WIN32) // Wine takes its time, the more where other tests run beside
inline constexpr std::chrono::seconds usual_patience(250);
#else
inline constexpr std::chrono::seconds usual_patience(50);
#endif

class watchdog {
public:
    explicit watchdog(const char* what, std::chrono::seconds patience = usual_patience)
        : thread_([this, what, patience] {
              std::unique_lock guard(mutex_);
              if (!ended_.wait_for(guard, patience, [this] { return over_; })) {
                  std::fprintf(stderr, "watchdog: %s hangs\n", what);
                  std::abort();
              }
          })
    {
    }
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog()
    {
        {
            const std::lock_guard guard(mutex_);
            over_ = true;
        }
        ended_.notify_one();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::thread thread_;
};

} // namespace ferrule::test
