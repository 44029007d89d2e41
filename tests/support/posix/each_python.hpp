// A section of the test for every CPython.
#pragma once

#include "support/posix/python.hpp"
#include "support/skip.hpp"
#include "support/test.hpp"

namespace ferrule::test {

/// Calls `f(python)` in a section of its own for each; skips the test if there is none.
template <class F>
void for_each_python(F f)
{
    if (pythons().empty())
        skip("no CPython 3.6 or later in PATH, FERRULE_PYTHONS or ~/.pyenv/versions");
    for (const interpreter& p : pythons()) {
        DYNAMIC_SECTION("CPython " << p.version)
        {
            std::printf("CPython %s: %s\n", p.version.c_str(), p.program.c_str());
            f(p);
        }
    }
}

} // namespace ferrule::test
