#include <ferrule/python/exception.hpp>

#include <algorithm>

namespace ferrule::python {
namespace {

constexpr std::string_view system_errors[] = {
    "OSError",          "BlockingIOError",   "BrokenPipeError",    "ChildProcessError",
    "ConnectionError",  "FileExistsError",   "FileNotFoundError",  "ConnectionAbortedError",
    "InterruptedError", "IsADirectoryError", "NotADirectoryError", "ConnectionRefusedError",
    "PermissionError",  "TimeoutError",      "ProcessLookupError", "ConnectionResetError"};

/// The text of Python's `str`.
std::string text_of(const value& v)
{
    return v.type() == type::string ? v.as<std::string>() : v.repr();
}

std::string message_of(std::string_view name, const value& args)
{
    const std::size_t n = args.size();
    if (n == 0)
        return {};
    if (n == 1)
        return name == "KeyError" ? args[0].repr() : text_of(args[0]);
    if (std::ranges::find(system_errors, name) != std::end(system_errors)) {
        std::string s = "[Errno " + text_of(args[0]) + "] " + text_of(args[1]);
        if (n > 2 && !args[2].is_none())
            s += ": " + args[2].repr();
        if (n > 4 && !args[4].is_none())
            s += " -> " + args[4].repr();
        return s;
    }
    return args.repr();
}

std::string last_line(const value& v)
{
    if (v.type() != type::object || v.callable().type() != type::global)
        detail::mismatch(v, "an exception");
    const bool own = v.callable().module() == "builtins";
    const std::string name((own ? v.callable().name() : std::string_view()));
    std::string s = v.callable().repr();
    if (const std::string message = message_of(name, v.args()); !message.empty())
        s += ": " + message;
    return s;
}

} // namespace

exception::exception(std::string_view name, const tuple& args) : exception(value::object("builtins", name, args)) {}

exception::exception(value instance) : std::runtime_error(last_line(instance)), instance_(std::move(instance)) {}

exception::~exception() = default;

} // namespace ferrule::python
