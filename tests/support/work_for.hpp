// Keeps a thread busy, where a test is about busy threads.
#pragma once

#include <chrono>
#include <thread>

namespace ferrule::test {

inline void work_for(std::chrono::steady_clock::duration d)
{
    for (const auto end = std::chrono::steady_clock::now() + d; std::chrono::steady_clock::now() < end;)
        std::this_thread::yield();
}

} // namespace ferrule::test
