#include "bench/programs.hpp"

#include "bench/measure.hpp"
#include "support/posix/descriptors.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ferrule::bench {

using test::must;
using test::unique_fd;

std::optional<double> program_row::median(std::string_view who) const
{
    for (const entry& e : entries)
        if (e.who == who && e.problem.empty() && !e.rounds.empty()) {
            std::vector<double> r = e.rounds;
            std::ranges::nth_element(r, r.begin() + static_cast<std::ptrdiff_t>(r.size() / 2));
            return r[r.size() / 2];
        }
    return std::nullopt;
}

void on_core(std::size_t i)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus()[i % cpus().size()], &set);
    must(::sched_setaffinity(0, sizeof set, &set));
}

serving::serving(const std::function<void(int)>& run)
{
    auto [told, to] = test::raw_pipe();
    pid_ = must(::fork());
    if (pid_ == 0) {
        ::alarm(120);
        try {
            on_core(0);
            run(to.get());
        } catch (const std::exception& e) {
            std::fprintf(stderr, "a server: %s\n", e.what());
        }
        ::_exit(1);
    }
    to.reset();
    char text[64] = {};
    if (::read(told.get(), text, sizeof text - 1) <= 0)
        throw std::runtime_error("the server does not start");
    where_ = text;
}

serving::~serving()
{
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

unique_fd serving::connect() const
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where_)));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unique_fd fd(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    const int on = 1;
    must(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    must(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
    return fd;
}

void tell_where(int to, const std::string& where)
{
    must(static_cast<int>(::write(to, where.data(), where.size())));
}

void measure_apart(program_row::entry& e, const std::function<double()>& f)
{
    auto [result, to] = test::raw_pipe();
    const pid_t pid = must(::fork());
    if (pid == 0) {
        std::string text;
        try {
            on_core(1);
            text = std::to_string(f());
        } catch (const std::exception& x) {
            text = std::string("!") + x.what();
        }
        (void)!::write(to.get(), text.data(), text.size());
        ::_exit(0);
    }
    to.reset();
    const std::string text = test::read_to_end(result.get());
    ::waitpid(pid, nullptr, 0);
    if (text.empty() || text[0] == '!')
        e.problem = text.empty() ? "no result" : text.substr(1);
    else
        e.rounds.push_back(std::strtod(text.c_str(), nullptr));
}

bool is_wanted(const std::vector<std::string>& only, const std::string& full_name)
{
    return only.empty() ||
           std::ranges::any_of(only, [&](const std::string& s) { return full_name.find(s) != full_name.npos; });
}

void print_programs(const char* heading, std::span<const program_row> rows)
{
    if (rows.empty())
        return;
    std::printf("\n%s\n%-18s", heading, "");
    for (const program_row::entry& e : rows.front().entries)
        std::printf(" %17.*s", static_cast<int>(e.who.size()), e.who.data());
    std::printf("\n");
    for (const program_row& r : rows) {
        std::printf("%-18s", r.name.c_str());
        const auto base = r.median(r.entries.front().who);
        for (const program_row::entry& e : r.entries) {
            const auto m = r.median(e.who);
            if (m)
                std::printf(" %9.2f %6.2fx", *m, base ? *m / *base : 0.0);
            else
                std::printf(" %17s", e.rounds.empty() ? "skipped" : "failed");
        }
        std::printf("\n");
    }
    for (const program_row& r : rows)
        for (const program_row::entry& e : r.entries)
            if (!e.problem.empty() && (&r == &rows.front() || !e.rounds.empty()))
                std::printf("%s, %.*s: %s\n", r.full_name().c_str(), static_cast<int>(e.who.size()), e.who.data(),
                            e.problem.c_str());
}

void check_programs(const program_row& r, std::string_view ours, double least, std::string_view theirs,
                    std::vector<verdict>& goals)
{
    const auto us = r.median(ours);
    const auto them = r.median(theirs);
    if (!us || !them)
        return;
    char text[80];
    std::snprintf(text, sizeof text, "at least %.2f x %.*s", least, static_cast<int>(theirs.size()), theirs.data());
    goals.push_back({text, r.full_name() + "/" + std::string(ours), *them / *us, *them / *us >= least});
}

} // namespace ferrule::bench
