#include "support/posix/python.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <system_error>

namespace ferrule::test {
namespace {

namespace fs = std::filesystem;

// "3.11.7 /usr/bin/python3.11", or nothing if that is no CPython 3.6 or later.
std::string ask(const fs::path& program)
{
    const std::string command =
        "'" + program.string() +
        "' -SEc 'import sys, platform; v = sys.version_info; "
        "print(\"%d.%d.%d %s\" % (v[0], v[1], v[2], sys.executable)) "
        "if v >= (3, 6) and platform.python_implementation() == \"CPython\" else None' 2>/dev/null";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), &::pclose);
    char line[4096] = {};
    if (!output || std::fgets(line, sizeof line, output.get()) == nullptr)
        return {};
    return line;
}

bool is_python(const std::string& name)
{
    // python3, python3.11, and not python3-config or python3.11-gdb.py
    const std::string prefix = "python3";
    return name.rfind(prefix, 0) == 0 && name.find_first_not_of(".0123456789", prefix.size()) == std::string::npos;
}

std::vector<interpreter> find()
{
    std::vector<fs::path> folders;
    for (const char* variable : {"PATH", "FERRULE_PYTHONS"}) {
        const char* const path = std::getenv(variable);
        std::istringstream parts(path == nullptr ? "" : path);
        for (std::string folder; std::getline(parts, folder, ':');) {
            if (fs::path(folder).filename() != "shims") // scripts that start one of those found below
                folders.emplace_back(folder);
        }
    }
    std::error_code ignored;
    if (const char* home = std::getenv("HOME")) {
        for (const auto& version : fs::directory_iterator(fs::path(home) / ".pyenv" / "versions", ignored))
            folders.push_back(version.path() / "bin");
    }
    std::set<fs::path> programs;
    for (const fs::path& folder : folders) {
        for (const auto& entry : fs::directory_iterator(folder, ignored)) {
            if (is_python(entry.path().filename()))
                programs.insert(fs::canonical(entry.path(), ignored));
        }
    }
    programs.erase(fs::path());
    std::map<std::string, std::string> by_version;
    for (const fs::path& p : programs) {
        std::istringstream answer(ask(p));
        std::string version;
        std::string executable;
        if (answer >> version && answer >> executable)
            by_version.emplace(version, p.string());
    }
    std::vector<interpreter> all;
    for (const auto& [version, program] : by_version)
        all.push_back({program, version});
    return all;
}

} // namespace

const std::vector<interpreter>& pythons()
{
    static const std::vector<interpreter> all = find();
    return all;
}

} // namespace ferrule::test
