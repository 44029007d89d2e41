// The demonstration: ./run demo [--quick]
//
// C++ exchanges messages with a real Python child and with forked C++ children, in both directions, and verifies every
// byte. The exit status is 0 only if all was right.
#include "demo.hpp"

#include <boost/asio.hpp>

#include <cstdio>
#include <exception>
#include <unistd.h>
#include <utility>

namespace demo {
namespace {

const bool on_terminal = isatty(STDOUT_FILENO) == 1;

double mebibytes(std::size_t bytes)
{
    return static_cast<double>(bytes) / (1 << 20);
}

} // namespace

row::row(std::string_view name, std::size_t total, progress p) : name_(name), total_(total), progress_(p) {}

void row::show_progress()
{
    using namespace std::chrono_literals;
    if (!on_terminal || progress_ == progress::hidden || clock::now() - shown_ < 50ms)
        return;
    shown_ = clock::now();
    std::printf("\r\033[K  %-46s %9zu of %zu, %.0f MiB", name_.c_str(), messages_, total_, mebibytes(bytes_));
    std::fflush(stdout);
}

void row::finish()
{
    const std::chrono::duration<double> time = clock::now() - started_;
    check(messages_ == total_,
          name_ + ": " + std::to_string(messages_) + " of " + std::to_string(total_) + " messages");
    std::printf("%s  %-46s %9zu %9.2f %8.3f %9.0f %8.1f\n", on_terminal ? "\r\033[K" : "", name_.c_str(), messages_,
                mebibytes(bytes_), time.count(), static_cast<double>(messages_) / time.count(),
                mebibytes(bytes_) / time.count());
    std::fflush(stdout);
}

void title(std::string_view text)
{
    std::printf("\n%.*s\n  %-46s %9s %9s %8s %9s %8s\n", static_cast<int>(text.size()), text.data(), "", "messages",
                "MiB", "seconds", "per s", "MiB/s");
    std::fflush(stdout); // also so that a forked child does not print it again
}

void run(boost::asio::awaitable<void> coroutine)
{
    boost::asio::io_context context;
    co_spawn(context, std::move(coroutine), rethrow);
    context.run();
}

void rethrow(std::exception_ptr e)
{
    try {
        if (e)
            std::rethrow_exception(e);
    } catch (const boost::asio::multiple_exceptions& several) { // of branches joined with &&: those of the first count
        std::rethrow_exception(several.first_exception());
    }
}

} // namespace demo

int main(int argc, char** argv)
{
    const bool quick = argc == 2 && std::string_view(argv[1]) == "--quick";
    if (argc > 1 && !quick) {
        std::fprintf(stderr, "usage: %s [--quick]\n", argv[0]);
        return 2;
    }
    try {
        demo::with_python(quick);
        demo::with_forked_child(quick);
    } catch (const std::exception& e) {
        std::printf("\n\nFAILED: %s\n", e.what());
        return 1;
    }
    std::printf("\nPASSED: every message arrived once, whole and as it was sent.\n");
}
