// Programs of other languages, as the tests of framings start them.
#pragma once

#include "support/test.hpp"

namespace ferrule::test {

/// `n` printable characters, the same as Python's `text(n)` below.
std::string text(std::size_t n);

/// What Python scripts begin with.
extern const std::string python_prologue;

/// A CPython that can do `import <modules>`, such as "a, b"; skips the test if there is none.
std::string python_with(const std::string& modules);

/// The program's path; skips the test if it is not in PATH.
std::string program_in_path(const std::string& name);

/// Starts Python with `theirs` as its descriptor 3, which is closed here.
child start_python(const std::string& program, const std::string& script, endpoint& theirs,
                   const std::vector<std::string>& arguments = {});

/// Ends by itself, with exit code 0.
void expect_success(child& c);

/// Every promise holds for threads and for coroutines, so the tests take turns.
enum class style : unsigned char { blocking, coroutine };

template <class Messages>
auto recv(Messages& m, style s = style::blocking)
{
    return s == style::blocking ? m.recv(timeout) : run(m.async_recv(timeout));
}
template <class Messages, class Message>
void send(Messages& m, const Message& message, style s = style::blocking)
{
    if (s == style::blocking)
        m.send(message, timeout);
    else
        run(m.async_send(message, timeout));
}

} // namespace ferrule::test
