// C++ and a forked C++ child: pipe and socketpair, blocking and with coroutines; every byte is compared.
#include "demo.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <future>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace demo {
namespace {

namespace asio = boost::asio;

using connection = ferrule::message_duplex<>;

constexpr std::size_t most_bytes = 1 << 18;

// The same in both processes, since it is made before the fork.
const std::vector<std::uint32_t> noise = [] {
    std::vector<std::uint32_t> words(2 * most_bytes / sizeof(std::uint32_t));
    std::mt19937 random(1);
    for (std::uint32_t& word : words)
        word = static_cast<std::uint32_t>(random());
    return words;
}();

/// The messages of one row of the table: message i is a piece of `noise`, and both sides know which.
class traffic {
public:
    traffic(std::size_t n, std::size_t most, bool all_alike) : count(n), most_(most), all_alike_(all_alike) {}

    [[nodiscard]] ferrule::byte_view message(std::size_t i) const
    {
        const std::size_t size = all_alike_ ? most_ : i * 2654435761 % (most_ + 1);
        const auto all = std::as_bytes(std::span(noise));
        return all.subspan(i * 7919 % (all.size() - most_), size);
    }
    void verify(std::size_t i, const ferrule::bytes& received) const
    {
        check(received == message(i), "message " + std::to_string(i) + " is not what was sent");
    }
    [[nodiscard]] std::string sizes() const
    {
        return (all_alike_ ? "" : "up to ") +
               (most_ < 1024 ? std::to_string(most_) + " B" : std::to_string(most_ / 1024) + " KiB");
    }

    std::size_t count;

private:
    std::size_t most_;
    bool all_alike_;
};

template <class End>
void send_all(End end, traffic t)
{
    for (std::size_t i = 0; i < t.count; ++i)
        end.send(t.message(i), timeout);
}

template <class End>
void receive_all(End end, traffic t, row& line)
{
    ferrule::bytes message; // its memory is used again
    for (std::size_t i = 0; i < t.count; ++i) {
        end.recv_into(message, timeout);
        t.verify(i, message);
        line.count(message.size());
    }
}

void echo(connection end, traffic t)
{
    ferrule::bytes message;
    for (std::size_t i = 0; i < t.count; ++i) {
        end.recv_into(message, timeout);
        end.send(message, timeout);
    }
}

void round_trips(connection end, traffic t, row& line)
{
    ferrule::bytes message;
    for (std::size_t i = 0; i < t.count; ++i) {
        end.send(t.message(i), timeout);
        end.recv_into(message, timeout);
        t.verify(i, message);
        line.count(message.size());
    }
}

template <class End>
asio::awaitable<void> async_send_all(End end, traffic t)
{
    for (std::size_t i = 0; i < t.count; ++i)
        co_await end.async_send(t.message(i), timeout);
}

template <class End>
asio::awaitable<void> async_receive_all(End end, traffic t, row& line)
{
    for (std::size_t i = 0; i < t.count; ++i) {
        const ferrule::bytes message = co_await end.async_recv(timeout);
        t.verify(i, message);
        line.count(message.size());
    }
}

asio::awaitable<void> async_echo(connection end, traffic t)
{
    for (std::size_t i = 0; i < t.count; ++i) {
        const ferrule::bytes message = co_await end.async_recv(timeout);
        co_await end.async_send(message, timeout);
    }
}

asio::awaitable<void> async_round_trips(connection end, traffic t, row& line)
{
    for (std::size_t i = 0; i < t.count; ++i) {
        co_await end.async_send(t.message(i), timeout);
        const ferrule::bytes message = co_await end.async_recv(timeout);
        t.verify(i, message);
        line.count(message.size());
    }
}

asio::awaitable<void> async_both(connection end, traffic t, row& line)
{
    using namespace asio::experimental::awaitable_operators;
    auto both = async_receive_all(end, t, line) && async_send_all(end, t);
    co_await std::move(both);
}

void both(connection end, traffic t, row& line)
{
    auto sender = std::async(std::launch::async, send_all<connection>, end, t);
    try {
        receive_all(end, t, line);
    } catch (...) {
        end.close(); // answers the sender too
        throw;
    }
    sender.get();
}

/// A forked child that does some work.
class forked {
public:
    template <class Work>
    explicit forked(Work work) : pid_(fork())
    {
        check(pid_ >= 0, "fork failed");
        if (pid_ != 0)
            return;
        try {
            work();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "\nchild: %s\n", e.what());
            _exit(1);
        }
        _exit(0);
    }
    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;
    ~forked()
    {
        if (pid_ <= 0)
            return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }

    /// The child must end well, and soon.
    void wait()
    {
        ferrule::child ending(pid_);
        const bool well = ending.wait(timeout).success();
        pid_ = -1;
        check(well, "the child failed");
    }

private:
    pid_t pid_;
};

template <class Reader>
void expect_end(Reader& in)
{
    ferrule::error_code ec;
    in.recv(timeout, ec);
    check(ec == ferrule::errc::end_of_stream, "instead of the end of the stream: " + ec.message());
}

void over_pipe(bool coroutines, traffic t)
{
    row line("pipe, " + std::string(coroutines ? "coroutines" : "blocking") + ", " + t.sizes(), t.count);
    auto ends = ferrule::pipe(ferrule::varint());
    forked child([&] {
        ends.first.close();
        if (coroutines)
            run(async_send_all(ends.second, t));
        else
            send_all(ends.second, t);
    });
    ends.second.close();
    if (coroutines)
        run(async_receive_all(ends.first, t, line));
    else
        receive_all(ends.first, t, line);
    expect_end(ends.first);
    child.wait();
    line.finish();
}

void over_socketpair(bool coroutines, bool one_by_one, traffic t)
{
    row line("socketpair, " + std::string(coroutines ? "coroutines" : "blocking") + ", " + t.sizes() +
                 (one_by_one ? ", round trips" : ", both ways"),
             t.count);
    auto ends = ferrule::socketpair(ferrule::varint());
    forked child([&] {
        ends.first.close();
        if (coroutines)
            run(async_echo(ends.second, t));
        else
            echo(ends.second, t);
    });
    ends.second.close();
    if (coroutines)
        run(one_by_one ? async_round_trips(ends.first, t, line) : async_both(ends.first, t, line));
    else
        (one_by_one ? round_trips : both)(ends.first, t, line);
    expect_end(ends.first);
    child.wait();
    line.finish();
}

} // namespace

void with_forked_child(bool quick)
{
    title("C++ and a forked C++ child: every byte compared");
    const std::size_t share = quick ? 10 : 1;
    const traffic small(200000 / share, 512, false);
    const traffic large(4000 / share, most_bytes, true);
    const traffic single(20000 / share, 64, true);
    for (const bool coroutines : {false, true}) {
        over_pipe(coroutines, small);
        over_pipe(coroutines, large);
        over_socketpair(coroutines, false, small);
        over_socketpair(coroutines, false, large);
        over_socketpair(coroutines, true, single);
    }
}

} // namespace demo
