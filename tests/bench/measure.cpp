#include "bench/measure.hpp"

#include "support/posix/descriptors.hpp"

#include <ferrule/platform/descriptor_pair.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <tuple>
#include <unistd.h>

namespace ferrule::bench {
namespace {

constexpr unsigned timeout = 20; // seconds for a cell, before it has failed

// What one process holds.
class side {
public:
    test::unique_fd in; // a socket is only here
    test::unique_fd out;
    test::unique_fd go;
    test::unique_fd result;
};

// The ends of a pair that ferrule has made: all contenders get its larger buffers.
std::pair<test::unique_fd, test::unique_fd> numbers(std::pair<descriptor, descriptor> d)
{
    bytes none; // nobody has read yet
    return {test::unique_fd(std::move(d.first).take()->release(none)),
            test::unique_fd(std::move(d.second).take()->release(none))};
}

void connect(const cell& where, side& measuring, side& other)
{
    if (where.over == transport::pipe) {
        std::tie(measuring.in, other.out) = numbers(pipe_descriptors());
        if (where.what == task::round_trip)
            std::tie(other.in, measuring.out) = numbers(pipe_descriptors());
    } else if (where.over == transport::socketpair)
        std::tie(measuring.in, other.in) = numbers(socketpair_descriptors());
    else if (where.over == transport::tcp) {
        std::tie(measuring.in, other.in) = test::raw_tcp_pair();
        for (const side* s : {&measuring, &other}) {
            const int on = 1;
            ::setsockopt(s->in.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
    }
    std::tie(other.go, measuring.go) = test::raw_pipe();
}

void pin(cores on, bool sends_first)
{
    if (on == cores::all)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus()[on == cores::two && !sends_first ? 1 : 0], &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0)
        throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
}

// A process that has `mine`.
pid_t start(const cell& where, const contender& who, std::size_t n, bool measures, side& mine, side& theirs)
{
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    ::alarm(timeout); // ends this process, also after exec
    theirs = side();
    const bool socket = where.over == transport::socketpair || where.over == transport::tcp;
    const job j{.where = where,
                .n = n,
                .measures = measures,
                .in = mine.in.get(),
                .out = (socket ? mine.in : mine.out).get(),
                .go = mine.go.get(),
                .result = mine.result.get()};
    try {
        pin(where.on, j.sends_first());
        who.run(j);
        ::_exit(0);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", where.full_name(who.name).c_str(), e.what());
        ::_exit(1);
    }
}

std::string failure_of(pid_t pid)
{
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid)
        return "cannot be started";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return "not done after " + std::to_string(timeout) + " s";
    if (WIFSIGNALED(status))
        return "killed by signal " + std::to_string(WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? "" : "exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

const std::vector<std::size_t>& cpus()
{
    static const std::vector<std::size_t> all = [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        ::sched_getaffinity(0, sizeof set, &set);
        std::vector<std::size_t> v;
        for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
            if (CPU_ISSET(i, &set))
                v.push_back(i);
        }
        return v;
    }();
    return all;
}

measurement measure(const cell& where, const contender& who, std::size_t n)
{
    n = std::max<std::size_t>(n / who.share, 8);
    side measuring;
    side other;
    connect(where, measuring, other);
    auto [result, result_in] = test::raw_pipe();
    measuring.result = std::move(result_in);

    const pid_t first = start(where, who, n, true, measuring, other);
    const bool alone = !where.over;
    const pid_t second = alone ? 0 : start(where, who, n, false, other, measuring);
    measuring = side();
    other = side();
    const std::string nanoseconds = test::read_to_end(result.get());

    measurement m{std::strtod(nanoseconds.c_str(), nullptr) / 1000 / static_cast<double>(n), failure_of(first)};
    if (const std::string f = alone ? "" : failure_of(second); !f.empty())
        m.failure += (m.failure.empty() ? "the other process: " : "; the other process: ") + f;
    if (m.failure.empty() && nanoseconds.empty())
        m.failure = "no result";
    return m;
}

std::size_t messages_for(double microseconds, const cell& where, const contender& who)
{
    for (std::size_t n = 16;;) {
        // The best of three: whatever disturbs makes it longer.
        double took = std::numeric_limits<double>::max();
        for (int i = 0; i < 3; ++i) {
            const measurement m = measure(where, who, n);
            if (!m.failure.empty())
                return 0;
            took = std::min(took, m.microseconds * static_cast<double>(n));
        }
        // Few messages take longer than their number says: closer step by step.
        const double missing = microseconds / took;
        n = std::max<std::size_t>(16, static_cast<std::size_t>(static_cast<double>(n) * std::min(missing, 16.0)));
        if (missing < 2)
            return n;
    }
}

} // namespace ferrule::bench
