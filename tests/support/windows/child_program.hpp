// What tests start: see child.cpp.
#pragma once

#include "support/windows/raw_pipe.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace ferrule::test {

/// The path of the program beside this one.
inline std::string child_program()
{
    const std::string path = this_program();
    return path.substr(0, path.find_last_of("\\/") + 1) + "ferrule_windows_child.exe";
}

inline std::vector<std::string> child_command(std::initializer_list<std::string> role_and_arguments)
{
    std::vector<std::string> all{child_program()};
    all.insert(all.end(), role_and_arguments);
    return all;
}

} // namespace ferrule::test
