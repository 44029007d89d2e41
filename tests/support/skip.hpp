#pragma once

#include <string>

namespace ferrule::test {

// Ends the process with the exit code that CTest reports as "Skipped". Catch2 version 2 has no SKIP(), and
// CTest runs every test in a process of its own, so nothing else is lost.
[[noreturn]] void skip(std::string reason);

} // namespace ferrule::test
