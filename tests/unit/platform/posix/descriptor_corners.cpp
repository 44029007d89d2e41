// Descriptors that are always ready, refuse what others allow, have something queued that is no data, or are more than the process
// may have.
#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ctime>
#include <filesystem>
#include <linux/errqueue.h>
#include <poll.h>

namespace {

descriptor opened(const char* path, int flags)
{
    return adopt(::open(path, flags | O_CLOEXEC));
}

template <class Clock>
double seconds_of(Clock clock)
{
    timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

} // namespace

TEST_CASE("always ready: a device that cannot be waited for takes everything, however it is called")
{
    for (const style s : all_styles) {
        for (const std::size_t size : std::initializer_list<std::size_t>{4096, 4097, 20 << 20}) {
            CAPTURE(name(s), size);
            writer out(opened("/dev/null", O_WRONLY));
            CHECK(out.arm(direction::write).is_now());
            const auto sent = send(s, out, std::string(size, 'x'), timeout);
            CHECK_FALSE(sent.error);
            CHECK(sent.value == size);
            const auto forever = send(s, out, std::string(size, 'x'));
            CHECK(forever.value == size);
            CHECK(out.try_send(std::string(size, 'x')));
            while (!out.try_flush()) { // each call takes a large part at most
            }

            reader in(opened("/dev/zero", O_RDONLY));
            std::vector<std::byte> zeros(size, std::byte{1});
            CHECK(call<std::size_t>(
                      s, [&] { return in.recv_into(zeros, timeout); },
                      [&](auto... token) { return in.async_recv_into(std::span(zeros), timeout, token...); })
                      .value == size);
            CHECK(zeros == std::vector<std::byte>(size));
        }
    }
}

TEST_CASE("always ready: a deadline holds over a source that never ends")
{
    const limits large = limits(std::size_t{1} << 40);
    for (const style s : all_styles) {
        CAPTURE(name(s));
        reader zeros(opened("/dev/zero", O_RDONLY), large);
        const auto r = call<bytes>(
            s, [&] { return zeros.recv_until("\n", 30ms); },
            [&](auto... token) { return zeros.async_recv_until("\n", 30ms, token...); });
        CHECK(r.error == errc::timed_out);
    }
}

TEST_CASE("file: one that refuses the flags of others is written all the same, and its own errors are its own")
{
    for (const style s : all_styles) {
        CAPTURE(name(s));
        writer full(opened("/dev/full", O_WRONLY));
        CHECK(send(s, full, "x", timeout).error == boost::system::errc::no_space_on_device);
        writer comm(opened("/proc/self/comm", O_WRONLY));
        for (const char* name : {"one", "other"}) {
            CHECK_FALSE(send(s, comm, name, timeout).error);
            std::string now;
            std::getline(std::ifstream("/proc/self/comm"), now);
            CHECK(now == name);
        }
        writer adjust(opened("/proc/self/coredump_filter", O_WRONLY));
        CHECK(send(s, adjust, "no number", timeout).error == boost::system::errc::invalid_argument);
    }
}

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
TEST_CASE("file: what could not be found out for lack of descriptors is found out later")
{
    const fifo file;
    for (const style s : all_styles) {
        CAPTURE(name(s));
        unique_fd reading = file.open(O_RDONLY | O_NONBLOCK);
        unique_fd writing = file.open(O_WRONLY);
        unique_fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        writer to_null;
        writer to_fifo;
        {
            const no_more_descriptors none;
            to_null = writer(adopt(null.release()));
            to_fifo = writer(adopt(writing.release()));
            CHECK_FALSE(send(style::blocking, to_fifo, "x", timeout).error); // nobody disturbs, so polling will do
        }
        const std::string large(100'000, 'x');
        CHECK(send(s, to_null, large, timeout).value == large.size());
        // Not 4096 bytes at a time, as where the file has to be polled.
        REQUIRE(read_n(reading.get(), 1) == "x");
        CHECK(to_fifo.try_send(large)); // in part
        CHECK(to_fifo.unsent() + 64 * 1024 == large.size());
        // A pipe, whose kind of calls no other descriptor decides.
        auto [r, w] = raw_pipe();
        descriptor first = [&, &from = r] {
            const no_more_descriptors none;
            return adopt(from.get());
        }();
        (void)r.release();
        const auto before = open_descriptors().size();
        reader in(std::move(first));
        CHECK(in.try_recv() == std::nullopt);
        CHECK(open_descriptors().size() <= before + 1);
    }
}
#endif

TEST_CASE("socket: what is queued beside the data ends no wait")
{
    for (const style s : all_styles) {
        CAPTURE(name(s));
        unique_fd nobody(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof there;
        REQUIRE(::bind(nobody.get(), reinterpret_cast<sockaddr*>(&there), size) == 0);
        REQUIRE(::getsockname(nobody.get(), reinterpret_cast<sockaddr*>(&there), &size) == 0);
        nobody.reset();
        unique_fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        REQUIRE(::setsockopt(udp.get(), SOL_IP, IP_RECVERR, &on, sizeof on) == 0);
        REQUIRE(::connect(udp.get(), reinterpret_cast<const sockaddr*>(&there), size) == 0);
        const int number = udp.release();
        const auto queued = [number] {
            pollfd p{number, 0, 0};
            return ::poll(&p, 1, 0) == 1;
        };
        duplex d(adopt(number));
        d.send("is anybody there?", timeout);
        REQUIRE(queued());
        CHECK(recv(s, d, timeout).error == boost::system::errc::connection_refused); // said once
        REQUIRE(queued());
        CHECK(recv(s, d, 30ms).error == errc::timed_out);
        CHECK_FALSE(queued()); // as long as something is, no wait waits
    }
    // Urgent data is none of the stream's.
    for (const style s : all_styles) {
        for (const bool tcp : {false, true}) {
            CAPTURE(name(s), tcp);
            auto fds = tcp ? raw_tcp_pair() : raw_stream_pair();
            duplex d(adopt(fds.first.release()));
            if (::send(fds.second.get(), "!", 1, MSG_OOB) != 1)
                continue; // a system without it
            CHECK(recv(s, d, 10ms).error == errc::timed_out);
            write_all(fds.second.get(), "data");
            CHECK(recv(s, d, timeout).value == byte_view("data"));
        }
    }
}

namespace {

// Makes an endpoint of what cannot serve as one.
template <class Endpoint>
void expect_left_open(int number)
{
    CHECK(code_of([&] { (void)Endpoint(adopt(number)); }) == errc::wrong_direction);
    CHECK(is_open(number));
    const auto before = open_descriptors();
    CHECK(code_of([&] { (void)Endpoint(duplicate(number)); }) == errc::wrong_direction);
    CHECK(code_of([&] { (void)Endpoint(borrow(number)); }) == errc::wrong_direction);
    CHECK(open_descriptors() == before);
}

} // namespace

TEST_CASE("adopt: a handle that no endpoint could use still belongs to the caller, and a duplicate of it is closed")
{
    auto [r, w] = raw_pipe();
    expect_left_open<writer>(r.get());
    expect_left_open<duplex>(r.get());
    expect_left_open<message_writer<>>(r.get());
    expect_left_open<message_duplex<>>(r.get());
    expect_left_open<reader>(w.get());
    expect_left_open<duplex>(w.get());
    expect_left_open<message_reader<>>(w.get());
    expect_left_open<message_duplex<>>(w.get());
    const unique_fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    expect_left_open<writer>(file.get());
    // It still works.
    writer out(adopt(w.release()));
    out.send("x", timeout);
    CHECK(reader(adopt(r.release())).recv(1, timeout).text() == "x");
}

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
TEST_CASE("wait: a process that may have fewer descriptors than it has sleeps, and is woken")
{
    for (const rlim_t most : {0u, 1u, 2u}) {
        CAPTURE(most);
        const int status = in_child([most] {
            auto sockets = socketpair();
            duplex& a = sockets.first;
            auto pipes = pipe();
            std::thread answers([&] {
                for (const char* text : {"one", "two"}) {
                    (void)sockets.second.recv(1, timeout);
                    sockets.second.send(text, timeout);
                }
                pipes.second.send("three", timeout);
            });
            if (code_of([&] { (void)a.recv(1ms); }) != errc::timed_out)
                return 1;
            a.send("?", timeout); // the other thread has what it needs for waiting
            if (a.recv(3, timeout).text() != "one")
                return 2;
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = most;
            ::setrlimit(RLIMIT_NOFILE, &limit);
            const double busy = seconds_of(CLOCK_THREAD_CPUTIME_ID);
            const double from = seconds_of(CLOCK_MONOTONIC);
            if (code_of([&] { (void)a.recv(100ms); }) != errc::timed_out)
                return 3;
            if ((seconds_of(CLOCK_THREAD_CPUTIME_ID) - busy) * 10 > seconds_of(CLOCK_MONOTONIC) - from)
                return 4;
            a.send("?", timeout);
            if (a.recv(3, timeout).text() != "two" || pipes.first.recv(5, timeout).text() != "three")
                return 5;
            answers.join();
            std::thread closes([&] { a.close(); });
            const error_code ec = code_of([&] { (void)a.recv(timeout); });
            closes.join();
            return ec == errc::closed ? 0 : 6;
        });
        CHECK(status == 0);
    }
}
#endif
