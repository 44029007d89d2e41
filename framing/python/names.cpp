#include "framing/python/names.hpp"

#include <algorithm>
#include <span>

namespace ferrule::python::detail {
namespace {

struct renamed {
    std::string_view old_module;
    std::string_view old_name; // empty: all names
    std::string_view new_module;
    std::string_view new_name;
};

constexpr renamed renamings[] = {
    {"__builtin__", "unicode", "builtins", "str"},
    {"__builtin__", "long", "builtins", "int"},
    {"__builtin__", "xrange", "builtins", "range"},
    {"__builtin__", "unichr", "builtins", "chr"},
    {"__builtin__", "reduce", "functools", "reduce"},
    {"__builtin__", "intern", "sys", "intern"},
    {"__builtin__", "", "builtins", ""},
    {"exceptions", "StandardError", "builtins", "Exception"},
    {"exceptions", "", "builtins", ""},
    {"copy_reg", "", "copyreg", ""},
    {"Queue", "", "queue", ""},
    {"_abcoll", "", "collections.abc", ""},
    {"UserDict", "UserDict", "collections", "UserDict"},
    {"UserDict", "IterableUserDict", "collections", "UserDict"},
    {"UserList", "UserList", "collections", "UserList"},
    {"UserString", "UserString", "collections", "UserString"},
    {"itertools", "izip", "builtins", "zip"},
    {"itertools", "imap", "builtins", "map"},
    {"itertools", "ifilter", "builtins", "filter"},
    {"multiprocessing", "AuthenticationError", "multiprocessing.context", "AuthenticationError"},
    {"multiprocessing", "BufferTooShort", "multiprocessing.context", "BufferTooShort"},
    {"multiprocessing", "ProcessError", "multiprocessing.context", "ProcessError"},
    {"multiprocessing", "TimeoutError", "multiprocessing.context", "TimeoutError"},
    {"_multiprocessing", "Connection", "multiprocessing.connection", "Connection"},
};

struct listed {
    std::string_view module;
    std::span<const std::string_view> names;
};

constexpr std::string_view builtins[] = {"ArithmeticError",
                                         "AssertionError",
                                         "AttributeError",
                                         "BaseException",
                                         "BlockingIOError",
                                         "BrokenPipeError",
                                         "BufferError",
                                         "ChildProcessError",
                                         "ConnectionAbortedError",
                                         "ConnectionError",
                                         "ConnectionRefusedError",
                                         "ConnectionResetError",
                                         "EOFError",
                                         "Ellipsis",
                                         "Exception",
                                         "FileExistsError",
                                         "FileNotFoundError",
                                         "FloatingPointError",
                                         "GeneratorExit",
                                         "ImportError",
                                         "IndexError",
                                         "InterruptedError",
                                         "IsADirectoryError",
                                         "KeyError",
                                         "KeyboardInterrupt",
                                         "LookupError",
                                         "MemoryError",
                                         "ModuleNotFoundError",
                                         "NameError",
                                         "NotADirectoryError",
                                         "NotImplemented",
                                         "NotImplementedError",
                                         "OSError",
                                         "OverflowError",
                                         "PermissionError",
                                         "ProcessLookupError",
                                         "RecursionError",
                                         "ReferenceError",
                                         "RuntimeError",
                                         "StopAsyncIteration",
                                         "StopIteration",
                                         "SyntaxError",
                                         "SystemError",
                                         "TimeoutError",
                                         "TypeError",
                                         "UnicodeDecodeError",
                                         "UnicodeEncodeError",
                                         "UnicodeError",
                                         "ValueError",
                                         "ZeroDivisionError",
                                         "bool",
                                         "bytearray",
                                         "bytes",
                                         "complex",
                                         "dict",
                                         "float",
                                         "frozenset",
                                         "int",
                                         "list",
                                         "object",
                                         "range",
                                         "set",
                                         "slice",
                                         "str",
                                         "tuple"};
constexpr std::string_view datetimes[] = {"date", "datetime", "time", "timedelta", "timezone"};
constexpr std::string_view collections[] = {"Counter", "OrderedDict", "defaultdict", "deque"};
constexpr std::string_view decimals[] = {"Decimal"};
constexpr std::string_view fractions[] = {"Fraction"};
constexpr std::string_view uuids[] = {"SafeUUID", "UUID"};
constexpr std::string_view paths[] = {"Path",          "PosixPath",       "PurePath",
                                      "PurePosixPath", "PureWindowsPath", "WindowsPath"};
constexpr std::string_view addresses[] = {"IPv4Address", "IPv4Interface", "IPv4Network",
                                          "IPv6Address", "IPv6Interface", "IPv6Network"};
constexpr std::string_view types[] = {"SimpleNamespace"};
constexpr std::string_view arrays[] = {"_array_reconstructor", "array"};
constexpr std::string_view managers[] = {"RemoteError", "Token"};
constexpr std::string_view numpy[] = {"dtype", "ndarray"};

constexpr listed standard[] = {
    {"builtins", builtins}, {"datetime", datetimes},  {"collections", collections},
    {"decimal", decimals},  {"fractions", fractions}, {"uuid", uuids},
    {"pathlib", paths},     {"ipaddress", addresses}, {"types", types},
    {"array", arrays},      {"numpy", numpy},         {"multiprocessing.managers", managers}};

} // namespace

void from_python_2(std::string_view& module, std::string_view& name) noexcept
{
    for (const renamed& r : renamings)
        if (module == r.old_module && (r.old_name.empty() || name == r.old_name)) {
            module = r.new_module;
            if (!r.new_name.empty())
                name = r.new_name;
            return;
        }
}

bool is_standard(std::string_view module, std::string_view name) noexcept
{
    for (const listed& l : standard)
        if (module == l.module)
            return std::ranges::find(l.names, name) != l.names.end();
    return false;
}

} // namespace ferrule::python::detail
