// What the parts of the demonstration share.
#pragma once

#include <ferrule/ferrule.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace demo {

/// How long any single wait of the demonstration may last: the watchdog.
constexpr std::chrono::seconds timeout{60};

/// Thrown when what came back is not what it should be.
class mismatch : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void check(bool right, const std::string& what)
{
    if (!right)
        throw mismatch(what);
}

/// One line of the table, which shows its progress while it runs if standard output is a terminal.
class row {
public:
    enum class progress { shown, hidden };

    /// `total`: the messages to come.
    row(std::string_view name, std::size_t total, progress p = progress::shown);
    row(const row&) = delete;
    row& operator=(const row&) = delete;

    /// One more message, verified.
    void count(std::size_t bytes)
    {
        ++messages_;
        bytes_ += bytes;
        if (messages_ % 16 == 0 || bytes >= 65536)
            show_progress();
    }
    /// Prints the line; throws `mismatch` if messages are missing.
    void finish();

private:
    using clock = std::chrono::steady_clock;

    void show_progress();

    std::string name_;
    std::size_t total_;
    progress progress_;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    clock::time_point started_ = clock::now();
    clock::time_point shown_ = started_;
};

void title(std::string_view text);

/// Runs a coroutine to its end, on a context of its own, and throws what it throws.
void run(boost::asio::awaitable<void> coroutine);
/// As completion handler: throws what a coroutine has thrown.
void rethrow(std::exception_ptr e);

/// C++ and a real Python child.
void with_python(bool quick);
/// C++ and a forked C++ child.
void with_forked_child(bool quick);

} // namespace demo
