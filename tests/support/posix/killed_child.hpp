// A child that is killed after a while. POSIX only.
#pragma once

#include "support/test.hpp"

#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ferrule::test {

/// Runs `f` in a forked child, until that is killed. A child in which it returns was given up by its test.
class killed_child {
public:
    template <class F>
    explicit killed_child(F f) : pid_(::fork())
    {
        REQUIRE(pid_ >= 0);
        if (pid_ != 0)
            return;
        f();
        ::_exit(1);
    }
    killed_child(const killed_child&) = delete;
    killed_child& operator=(const killed_child&) = delete;
    ~killed_child() { kill(); }

    /// Returns when the child is gone.
    void kill() noexcept
    {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    /// Lets the child live so long, without a sleep, which would take longer.
    void kill_after(std::chrono::microseconds d) noexcept
    {
        for (const auto end = std::chrono::steady_clock::now() + d; std::chrono::steady_clock::now() < end;)
            std::this_thread::yield();
        kill();
    }

private:
    pid_t pid_;
};

} // namespace ferrule::test
