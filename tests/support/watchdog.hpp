// Ends a test case that hangs, with a message, instead of letting it wait for CTest's timeout.
#pragma once

#include <chrono>
#include <string>

namespace ferrule::test {

#if defined(_WIN32) // Wine takes its time, the more where other tests run beside
inline constexpr std::chrono::seconds usual_limit(250);
#else
inline constexpr std::chrono::seconds usual_limit(110); // CTest waits for 120
#endif

/// Gives the running test case so much time from now; without this call it has `usual_limit`. The message says `what`
/// hangs, or else the name of the test case.
void restart_watchdog(std::chrono::seconds limit, const std::string& what = {});

} // namespace ferrule::test
