#include "integration/peers.hpp"
#include "support/posix/python.hpp"
#include "support/skip.hpp"
#include "support/test.hpp"

#include <unistd.h>

namespace ferrule::test {

std::string text(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(' ' + i % 95);
    return s;
}

const std::string python_prologue = R"(
import sys
def text(n):
    return (bytes(range(32, 127)) * (n // 95 + 1))[:n]
)";

std::string python_with(const std::string& modules)
{
    for (const interpreter& p : pythons()) {
        if (std::system(("'" + p.program + "' -c 'import " + modules + "' 2>/dev/null").c_str()) == 0)
            return p.program;
    }
    skip("no CPython that was found can import " + modules);
}

std::string program_in_path(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string program = folder + "/" + name;
        if (::access(program.c_str(), X_OK) == 0)
            return program;
    }
    skip("no " + name + " in PATH");
}

child start_python(const std::string& program, const std::string& script, endpoint& theirs,
                   const std::vector<std::string>& arguments)
{
    std::vector<std::string> command = {program, "-c", python_prologue + script};
    command.insert(command.end(), arguments.begin(), arguments.end());
    child c = spawn(command, theirs, 3);
    theirs.close();
    return c;
}

void expect_success(child& c)
{
    const exit_status s = c.wait(timeout);
    CHECK(s.code() == 0);
    CHECK(s.signal() == 0);
}

} // namespace ferrule::test
