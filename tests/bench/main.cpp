// Round trips and streams over a socketpair, process to process, next to raw system calls and to Boost.Asio by hand.
// Contenders take turns, so that a change of the machine's speed hits all of them; what counts are the ratios.
#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sched.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using local_socket = asio::local::stream_protocol::socket;

double microseconds(clock_type::duration d)
{
    return std::chrono::duration<double, std::micro>(d).count();
}

// ---- the contenders: messages of `size` bytes behind a four-byte length ----

// One write, and reads through a 64 KiB buffer: the least that the system calls allow.
class raw {
public:
    raw(int fd, std::size_t size) : fd_(fd), out_(4 + size), in_(64 * 1024 + size) {}
    ~raw() { ::close(fd_); }
    raw(const raw&) = delete;
    raw& operator=(const raw&) = delete;

    void send()
    {
        for (std::size_t sent = 0; sent < out_.size();)
            sent += static_cast<std::size_t>(
                std::max<ssize_t>(0, ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL)));
    }
    void recv()
    {
        while (have_ < out_.size()) {
            const ssize_t n = ::recv(fd_, in_.data() + have_, in_.size() - have_, 0);
            if (n <= 0)
                std::_Exit(1);
            have_ += static_cast<std::size_t>(n);
        }
        have_ -= out_.size();
        std::memmove(in_.data(), in_.data() + out_.size(), have_);
    }

private:
    int fd_;
    std::vector<char> out_;
    std::vector<char> in_;
    std::size_t have_ = 0;
};

void ping_raw(int fd, std::size_t size, int n, bool first)
{
    raw r(fd, size);
    for (int i = 0; i < n; ++i) {
        if (first)
            r.send();
        r.recv();
        if (!first)
            r.send();
    }
}
void stream_raw(int fd, std::size_t size, int n, bool first)
{
    raw r(fd, size);
    for (int i = 0; i < n; ++i)
        first ? r.send() : r.recv();
}

void ping_blocking(int fd, std::size_t size, int n, bool first)
{
    ferrule::message_duplex d(ferrule::adopt(fd), ferrule::multiprocessing_bytes());
    ferrule::bytes m;
    m.resize(size);
    for (int i = 0; i < n; ++i) {
        if (first)
            d.send(m);
        d.recv_into(m);
        if (!first)
            d.send(m);
    }
}
void stream_blocking(int fd, std::size_t size, int n, bool first)
{
    ferrule::message_duplex d(ferrule::adopt(fd), ferrule::multiprocessing_bytes());
    ferrule::bytes m;
    m.resize(size);
    for (int i = 0; i < n; ++i)
        first ? (void)d.send(m) : d.recv_into(m);
}

using mp_duplex = ferrule::message_duplex<ferrule::multiprocessing_bytes>;

asio::awaitable<void> exchange(mp_duplex d, std::size_t size, int n, bool first, bool both)
{
    ferrule::bytes m;
    m.resize(size);
    for (int i = 0; i < n; ++i) {
        if (first)
            co_await d.async_send(m);
        if (!first || both)
            m = co_await d.async_recv();
        if (!first && both)
            co_await d.async_send(m);
    }
}
void run_coroutine(int fd, std::size_t size, int n, bool first, bool both)
{
    asio::io_context context(1);
    mp_duplex d(ferrule::adopt(fd));
    asio::co_spawn(context, exchange(d, size, n, first, both), asio::detached);
    context.run();
}
void ping_coroutine(int fd, std::size_t size, int n, bool first)
{
    run_coroutine(fd, size, n, first, true);
}
void stream_coroutine(int fd, std::size_t size, int n, bool first)
{
    run_coroutine(fd, size, n, first, false);
}

asio::awaitable<void> exchange_by_hand(local_socket& s, std::size_t size, int n, bool first, bool both)
{
    std::vector<char> out(4 + size);
    std::vector<char> in(64 * 1024 + size);
    std::size_t have = 0;
    for (int i = 0; i < n; ++i) {
        if (first)
            co_await asio::async_write(s, asio::buffer(out), asio::use_awaitable);
        if (!first || both) {
            while (have < out.size())
                have += co_await s.async_read_some(asio::buffer(in) + have, asio::use_awaitable);
            have -= out.size();
            std::memmove(in.data(), in.data() + out.size(), have);
        }
        if (!first && both)
            co_await asio::async_write(s, asio::buffer(out), asio::use_awaitable);
    }
}
void run_by_hand(int fd, std::size_t size, int n, bool first, bool both)
{
    asio::io_context context(1);
    local_socket s(context, asio::local::stream_protocol(), fd);
    asio::co_spawn(context, exchange_by_hand(s, size, n, first, both), asio::detached);
    context.run();
}
void ping_asio(int fd, std::size_t size, int n, bool first)
{
    run_by_hand(fd, size, n, first, true);
}
void stream_asio(int fd, std::size_t size, int n, bool first)
{
    run_by_hand(fd, size, n, first, false);
}

struct contender {
    const char* name;
    void (*ping)(int fd, std::size_t size, int n, bool first);
    void (*stream)(int fd, std::size_t size, int n, bool first);
};

constexpr std::array<contender, 4> contenders{{{"raw", ping_raw, stream_raw},
                                               {"asio by hand", ping_asio, stream_asio},
                                               {"blocking", ping_blocking, stream_blocking},
                                               {"coroutine", ping_coroutine, stream_coroutine}}};

void pin_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

// Microseconds per message, measured by the process that receives last.
double measure(void (*run)(int, std::size_t, int, bool), std::size_t size, int n)
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        std::exit(1);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(fds[0]);
        pin_to(0);
        run(fds[1], size, n, true);
        ::_exit(0);
    }
    ::close(fds[1]);
    const auto begin = clock_type::now();
    run(fds[0], size, n, false);
    const auto took = clock_type::now() - begin;
    ::waitpid(pid, nullptr, 0);
    return microseconds(took) / n;
}

void compare(const char* what, bool stream, std::size_t size, int n, int rounds)
{
    std::array<std::vector<double>, contenders.size()> times;
    for (int r = 0; r < rounds; ++r)
        for (std::size_t c = 0; c < contenders.size(); ++c)
            times[c].push_back(measure(stream ? contenders[c].stream : contenders[c].ping, size, n));
    std::array<double, contenders.size()> median{};
    for (std::size_t c = 0; c < contenders.size(); ++c) {
        std::nth_element(times[c].begin(), times[c].begin() + rounds / 2, times[c].end());
        median[c] = times[c][static_cast<std::size_t>(rounds / 2)];
    }
    std::printf("%-12s %8zu B", what, size);
    for (std::size_t c = 0; c < contenders.size(); ++c)
        std::printf("  %9.2f us %5.2fx", median[c], median[c] / median[0]);
    std::printf("\n");
}

template <class Lock>
double time_lock(Lock& l, int n)
{
    const auto begin = clock_type::now();
    for (int i = 0; i < n; ++i) {
        l.lock();
        l.unlock();
    }
    return microseconds(clock_type::now() - begin) * 1000 / n;
}

} // namespace

int main(int argc, char** argv)
{
    const bool quick = argc > 1 && std::string_view(argv[1]) == "--quick";
    const int rounds = quick ? 3 : 7;
    const int unit = quick ? 1 : 4;
    pin_to(0); // one core: what is measured is the work, not how long an idle core takes to wake up
    std::printf("one core, socketpair, median of %d rounds; time per message or round trip, ratio to raw\n", rounds);
    std::printf("%-23s", "");
    for (const contender& c : contenders)
        std::printf("  %18s", c.name);
    std::printf("\n");
    for (const std::size_t size : {8u, 1024u, 65536u})
        compare("round trip", false, size, (size > 10'000 ? 2'000 : 10'000) * unit, rounds);
    for (const std::size_t size : {8u, 64u, 1024u, 65536u, 1048576u})
        compare("stream", true, size, (size > 100'000 ? 200 : size > 10'000 ? 4'000 : 50'000) * unit, rounds);

    std::thread([] {}).join(); // in a process that never had a second thread, std::mutex leaves its atomics out
    std::mutex standard;
    ferrule::cross_lock ours;
    time_lock(standard, 100'000);
    const double s = time_lock(standard, 2'000'000);
    const double o = time_lock(ours, 2'000'000);
    std::printf("lock and unlock, uncontended: std::mutex %.1f ns, cross_lock %.1f ns, %.2fx\n", s, o, o / s);
}
