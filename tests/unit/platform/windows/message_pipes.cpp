// Message pipes keep boundaries, whatever the sizes and whatever interrupts.
#include "support/windows/pairs.hpp"

#include "support/test.hpp"
#include "support/windows/child_program.hpp"

#include <ferrule/framing/multiprocessing_pipe.hpp>

#include <random>

using test::timeout;

namespace {

// Of which each part can be told from the others.
std::string pattern(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(i * 31 + (i >> 12) * 7);
    return s;
}

std::pair<duplex, duplex> message_pipe()
{
    auto ends = test::named_pipe_pair(transfer_kind::message);
    return {duplex(std::move(ends.first)), duplex(std::move(ends.second))};
}

} // namespace

TEST_CASE("message pipe: boundaries are kept from 0 bytes to 64 MiB through 4 KiB")
{
    restart_watchdog(200s);
    auto [a, b] = message_pipe();
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                                std::size_t{65'537}, std::size_t{1} << 20, std::size_t{64} << 20}) {
        CAPTURE(n);
        const std::string sent = pattern(n);
        std::jthread sending([&, &to = a] {
            to.send(byte_view(sent), timeout);
            to.send("", timeout);
            to.send("end", timeout);
        });
        const bytes got = b.recv(timeout);
        CHECK((got.size() == n && got.text() == sent)); // not shown
        CHECK(b.recv(timeout).size() == 0);
        CHECK(b.recv(timeout).text() == "end");
    }
}

TEST_CASE("message pipe: what Windows sends as one message is one, though it comes in pieces")
{
    auto [a, b] = message_pipe();
    const std::string sent = pattern(50'000);
    auto arrived = std::async(std::launch::async, [&, &from = b] { return from.recv(timeout); });
    a.send(byte_view(sent), timeout); // in the pipe, 4 KiB at a time
    CHECK(arrived.get().text() == sent);
}

TEST_CASE("message pipe: Python's messages have no header there, and have one in a stream")
{
    auto [a, b] = message_pipe();
    message_duplex python_like(a, multiprocessing_pipe_bytes());
    python_like.send("payload");
    CHECK(b.recv(timeout).text() == "payload");
    b.send("");
    CHECK(python_like.recv(timeout).size() == 0);
    message_duplex objects(a, multiprocessing_pipe());
    objects.send("text");
    const bytes pickle = b.recv(timeout);
    CHECK(pickle.text().starts_with("\x80"));
    b.send(pickle);
    CHECK(objects.recv(timeout).as<std::string>() == "text");

    auto [r, w] = pipe();
    message_writer(w, multiprocessing_pipe_bytes()).send("payload");
    CHECK(r.recv(11, timeout) == byte_view(std::string_view("\0\0\0\7payload", 11)));
}

TEST_CASE("message pipe: interrupted at any time, a receive loses nothing")
{
    restart_watchdog(200s);
    auto [a, b] = message_pipe();
    constexpr std::size_t count = 300;
    std::atomic<std::size_t> allowed = 0;
    std::jthread sending([&, &to = a] {
        for (std::size_t i = 0; i < count; ++i) {
            while (allowed <= i)
                std::this_thread::yield();
            to.send(byte_view(pattern(i * i % 20'011)), timeout);
        }
    });
    std::mt19937 random(7);
    std::size_t interruptions = 0;
    for (std::size_t i = 0; i < count;) {
        std::stop_source stop;
        std::jthread stopping([&stop, n = random() % 64] {
            for (auto left = n; left != 0; --left)
                std::this_thread::yield();
            stop.request_stop();
        });
        // Now and then it does not even begin before the receive has ended.
        if (i % 8 != 0 || interruptions > i / 8)
            allowed = i + 1;
        error_code ec;
        const bytes got = b.recv(until(timeout, stop.get_token()), ec);
        stopping.join();
        if (ec == errc::cancelled) {
            ++interruptions;
            continue;
        }
        REQUIRE(!ec);
        REQUIRE(got.text() == pattern(i * i % 20'011));
        ++i;
    }
    CHECK(interruptions != 0);
}

TEST_CASE("message pipe: many threads in each of two processes, both ways, and receives that give up")
{
    restart_watchdog(200s);
    auto ends = test::named_pipe_pair(transfer_kind::message);
    const message_duplex ours(std::move(ends.first), multiprocessing_pipe_bytes());
    duplex theirs(std::move(ends.second));
    child process = spawn(test::child_command({"echo by threads"}), theirs);
    theirs.close();
    constexpr int threads = 4;
    constexpr int each = 60;
    const auto message = [](int t, int i) {
        return std::to_string(t) + " " + std::to_string(i) + std::string(static_cast<std::size_t>(i) * 500, '.');
    };
    std::mutex mutex;
    std::map<std::string, int> seen;
    std::atomic<int> given_up = 0;
    {
        std::vector<std::jthread> running;
        for (int t = 0; t < threads; ++t) {
            running.emplace_back([&, t, to = ours]() mutable {
                for (int i = 0; i < each; ++i)
                    to.send(message(t, i), timeout);
            });
            running.emplace_back([&, from = ours]() mutable {
                for (int i = 0; i < each;) {
                    error_code ec;
                    const bytes m = from.recv(std::chrono::microseconds(50 * i), ec);
                    if (ec && ec == condition::timeout) {
                        ++given_up;
                        continue;
                    }
                    if (ec)
                        return;
                    const std::lock_guard lock(mutex);
                    ++seen[std::string(m.text())];
                    ++i;
                }
            });
        }
    }
    CHECK(given_up != 0);
    CHECK(seen.size() == threads * each);
    for (int t = 0; t < threads; ++t) {
        for (int i = 0; i < each; ++i)
            CHECK(seen[message(t, i)] == 1);
    }
    message_duplex(ours).close();
    CHECK(process.wait(timeout).success());
}

TEST_CASE("message pipe: many threads at both ends")
{
    restart_watchdog(200s);
    auto [a, b] = message_pipe();
    constexpr int threads = 4;
    constexpr int each = 100;
    const auto send_all = [](duplex to, int t) {
        for (int i = 0; i < each; ++i)
            to.send(byte_view(std::to_string(t) + " " + std::to_string(i) +
                              std::string(static_cast<std::size_t>(i) * 50, '.')),
                    timeout);
    };
    const auto take_some = [](duplex from) {
        std::vector<std::string> got;
        for (int i = 0; i < each; ++i)
            got.emplace_back(from.recv(timeout).text());
        return got;
    };
    std::vector<std::jthread> senders;
    std::vector<std::future<std::vector<std::string>>> takers[2];
    for (int t = 0; t < threads; ++t) {
        for (int end = 0; end < 2; ++end) {
            senders.emplace_back(send_all, end == 0 ? a : b, t);
            takers[end].push_back(std::async(std::launch::async, take_some, end == 0 ? a : b));
        }
    }
    for (auto& at_end : takers) {
        std::map<std::string, int> seen;
        for (auto& t : at_end) {
            for (const std::string& m : t.get())
                ++seen[m];
        }
        CHECK(seen.size() == threads * each);
        for (int t = 0; t < threads; ++t) {
            for (int i = 0; i < each; ++i)
                REQUIRE(seen[std::to_string(t) + " " + std::to_string(i) +
                             std::string(static_cast<std::size_t>(i) * 50, '.')] == 1);
        }
    }
}
