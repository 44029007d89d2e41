// Python's own connections, in two interpreters.
#include "support/posix/python.hpp"
#include "bench/contenders.hpp"
#include "bench/wire.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace ferrule::bench {
namespace {

constexpr const char* script = R"(
import os, sys, time
from multiprocessing.connection import Connection

(measures, round_trip, size, first, last, warm_up, n, in_, out, go, result) = map(int, sys.argv[1:])
reader = Connection(in_, writable=in_ == out) if in_ >= 0 else None
writer = reader if in_ == out else Connection(out, readable=False) if out >= 0 else None
payload = bytes([first]) + bytes(size - 2) + bytes([last])

def recv():
    message = reader.recv_bytes()
    if len(message) != size or message[0] != first or message[-1] != last:
        sys.exit("not the message that was sent")

def start():
    if not round_trip and (os.write(go, b"g") if measures else len(os.read(go, 1))) != 1:
        sys.exit("the other process is gone")
    return time.perf_counter_ns()

def repeat(count):
    if not round_trip:
        for _ in range(count):
            recv() if measures else writer.send_bytes(payload)
    elif measures:
        for _ in range(count):
            writer.send_bytes(payload)
            recv()
    else:
        for _ in range(count):
            recv()
            writer.send_bytes(payload)

start()
repeat(warm_up)
began = start()
repeat(n)
if measures:
    os.write(result, b"%d" % (time.perf_counter_ns() - began))
)";

} // namespace

const std::string& python_program()
{
    return std::ranges::max_element(test::pythons(),
                                    [](const test::interpreter& a, const test::interpreter& b) {
                                        return ::strverscmp(a.version.c_str(), b.version.c_str()) < 0;
                                    })
        ->program;
}

const std::string& no_python()
{
    static const std::string why = test::pythons().empty() ? "there is no python3 in PATH" : "";
    return why;
}

void python(const job& j)
{
    for (const int fd : {j.in, j.out, j.go, j.result}) {
        if (fd >= 0)
            ::fcntl(fd, F_SETFD, 0);
    }
    // -I and -S: nothing of the user's and no site packages, which would make every start slower.
    std::vector<std::string> words = {python_program(), "-I", "-S", "-c", script};
    for (const long number : {long{j.measures}, long{j.where.what == task::round_trip}, static_cast<long>(j.where.size),
                              long{first_byte}, long{last_byte}, static_cast<long>(j.warm_up()), static_cast<long>(j.n),
                              long{j.in}, long{j.out}, long{j.go}, long{j.result}})
        words.push_back(std::to_string(number));
    std::vector<char*> arguments;
    for (std::string& w : words)
        arguments.push_back(w.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    throw std::system_error(errno, std::generic_category(), words[0]);
}

void ferrule_and_python(const job& j)
{
    j.measures ? ferrule_blocking(j) : python(j);
}

void python_and_ferrule(const job& j)
{
    j.measures ? python(j) : ferrule_blocking(j);
}

} // namespace ferrule::bench
