// Programs to start, and what is left of them.
#pragma once

#include <cerrno>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace ferrule::test {

inline std::vector<std::string> shell(const std::string& script)
{
    return {"/bin/sh", "-c", script};
}

inline bool no_child_left()
{
    return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
}

} // namespace ferrule::test
