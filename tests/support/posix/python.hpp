#pragma once

#include <string>
#include <vector>

namespace ferrule::test {

struct interpreter {
    std::string program; // the executable itself, no wrapper
    std::string version; // such as 3.11.7
};

// Every CPython from 3.6 on in PATH, in the folders of FERRULE_PYTHONS (separated by colons) and in ~/.pyenv/versions, each once,
// one per version.
const std::vector<interpreter>& pythons();

} // namespace ferrule::test
