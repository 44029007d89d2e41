// What a child starts with, what it gets of what its parent holds, and that nobody else is taken for it.
#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/sanitizers.hpp"
#include "support/skip.hpp"
#include "support/system.hpp"
#include "support/transports.hpp"
#include "support/watchdog.hpp"

#include <ferrule/handle_link.hpp>
#include <ferrule/process.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;

namespace {

constexpr auto in_time = 20s;

std::vector<std::string> shell(const std::string& script)
{
    return {"/bin/sh", "-c", script};
}

// The value of a line of /proc/self/status that grep has printed.
unsigned long mask(const std::string& status, const std::string& name)
{
    return std::stoul(status.substr(status.find(name + ":") + name.size() + 1), nullptr, 16);
}

} // namespace

TEST_CASE("child: starts with no signal blocked and SIGPIPE not ignored, whatever its parent does")
{
    const int status = in_child([] {
        ::signal(SIGPIPE, SIG_IGN);
        ::signal(SIGUSR1, SIG_IGN);
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        auto grep = spawn_piped({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"});
        const std::string seen(grep.output.recv_all(in_time).text());
        grep.process.wait(in_time);
        if (mask(seen, "SigBlk") != 0 || (mask(seen, "SigIgn") & (1ul << (SIGPIPE - 1))) != 0)
            return 1;
        if ((mask(seen, "SigIgn") & (1ul << (SIGUSR1 - 1))) == 0)
            return 2; // as nohup wants it for SIGHUP
        auto sleeper = spawn_piped({"sleep", "1000"});
        ::kill(sleeper.process.pid(), SIGTERM);
        return sleeper.process.wait(in_time).signal() == SIGTERM ? 0 : 3;
    });
    CHECK(status == 0);
}

TEST_CASE("child: what it was handed down can be taken once, and FERRULE_FD is gone then")
{
    const int status = in_child([] {
        auto [r, w] = raw_pipe();
        auto [other, end] = raw_pipe();
        ::setenv("FERRULE_FD", (std::to_string(r.get()) + "," + std::to_string(other.get())).c_str(), 1);
        if (code_of([] { (void)inherited(2); }) != errc::bad_descriptor || std::getenv("FERRULE_FD") != nullptr)
            return 1;
        write_all(w.get(), "one");
        write_all(end.get(), "two");
        if (reader(inherited(1)).recv(3, in_time).text() != "two" ||
            reader(inherited()).recv(3, in_time).text() != "one")
            return 2;
        (void)r.release();
        (void)other.release();
        for (const std::size_t which : {0u, 1u}) {
            if (code_of([which] { (void)inherited(which); }) != errc::bad_descriptor)
                return 3;
        }
        // Nor do children of this one find it.
        auto grandchild = spawn_piped(shell("echo \"<$FERRULE_FD>\""));
        return grandchild.output.recv_line(in_time).text() == "<>" ? 0 : 4;
    });
    CHECK(status == 0);
}

TEST_CASE("child: an end that has read ahead, or not sent all, or is in use, is not handed over")
{
    const watchdog guard("handing over");
    for (const style s : all_styles) {
        CAPTURE(name(s));
        auto [r, w] = pipe();
        auto [output, out] = pipe();
        w.send("header\nfor the child\n", in_time);
        CHECK(call<bytes>(
                  s, [&, &in = r] { return in.recv_line(in_time); },
                  [&, &in = r](auto... token) { return in.async_recv_line(in_time, token...); })
                  .value == byte_view("header"));
        const auto start = [&, &in = r, &to = out] { return spawn({"cat"}, {{in, 0}, {to, 1}}); };
        CHECK(code_of([&] { (void)start(); }) == errc::read_ahead);
        CHECK(code_of([&, &in = r] { (void)passed_handle(in); }) == errc::read_ahead);
        CHECK(r.recv_line(in_time).text() == "for the child"); // still here
        w.send("and more\n", in_time);
        w.close();
        child cat = start();
        out.close();
        CHECK(output.recv_all(in_time).text() == "and more\n");
        CHECK(cat.wait(in_time).success());
    }
    // Packets.
    auto fds = raw_socketpair(SOCK_DGRAM);
    duplex packets(adopt(fds.first.release()));
    REQUIRE(::send(fds.second.get(), "packet", 6, 0) == 6);
    CHECK(packets.recv(6, in_time).text() == "packet");
    child started = spawn({"true"}, packets);
    CHECK(started.wait(in_time).success());

    auto [a, b] = socketpair();
    CHECK(code_of([&, &to = a] { to.send(std::string(16 << 20, 'x'), 1ms); }) == errc::timed_out);
    REQUIRE(a.unsent() != 0);
    CHECK(code_of([&, &to = a] { (void)spawn({"true"}, to); }) == errc::torn);
    CHECK(code_of([&, &to = a] { (void)passed_handle(to); }) == errc::torn);

    std::atomic<pid_t> receiver = 0;
    auto [c, d] = socketpair();
    std::thread receives([&, &from = c] {
        receiver = thread_id();
        CHECK(from.recv(1, in_time).text() == "x");
    });
    while (receiver == 0)
        std::this_thread::yield();
    until_waiting(receiver);
    CHECK(code_of([&, &in = c] { (void)spawn({"true"}, in); }) == errc::busy);
    d.send("x", in_time);
    receives.join();
}

TEST_CASE("child: ends that are moved in are closed here once the child runs")
{
    const watchdog guard("moved in");
    auto [r, w] = pipe();
    auto [output, out] = pipe();
    const reader shared = r;
    const auto start = [&, &in = r, &to = out](const char* program) {
        return spawn({program}, {{std::move(in), 0}, {std::move(to), 1}});
    };
    CHECK(code_of([&] { (void)start("/no/such/program"); }));
    CHECK(r.is_open());
    CHECK(out.is_open());
    child cat = start("cat");
    CHECK_FALSE(r.is_open());
    CHECK_FALSE(out.is_open());
    CHECK_FALSE(shared.is_open());
    w.send("through", in_time);
    w.close();
    CHECK(output.recv_all(in_time).text() == "through"); // there is no other copy
    CHECK(cat.wait(in_time).success());

    auto [ours, theirs] = socketpair(varint());
    child hello = spawn(shell("printf '\\005hello' >&3"), std::move(theirs));
    CHECK(ours.recv(in_time).text() == "hello");
    CHECK(code_of([&, &in = ours] { (void)in.recv(in_time); }) == errc::end_of_stream);
    CHECK(hello.wait(in_time).success());
}

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
TEST_CASE("child: is waited for and ended though there is no descriptor left")
{
    const watchdog guard("no descriptor");
    auto [r, w] = raw_pipe();
    const auto fork_one = [&, &in = r, &out = w] {
        const pid_t pid = ::fork();
        if (pid == 0) {
            out.reset();
            char byte = 0;
            ::_exit(::read(in.get(), &byte, 1) == 1 ? byte : 99);
        }
        return pid;
    };
    std::thread([&, &out = w] { // a thread that has not waited yet has nothing to be woken by
        const no_more_descriptors none;
        child c(fork_one());
        CHECK(code_of([&] { c.wait(deadline::now()); }) == errc::timed_out);
        CHECK(code_of([&] { c.wait(1ms); }) == errc::timed_out);
        std::stop_source stop;
        std::jthread stops([&] { stop.request_stop(); });
        CHECK(code_of([&] { c.wait(stop.get_token()); }) == errc::cancelled);
        write_all(out.get(), "\7");
        CHECK(c.wait(in_time).code() == 7);
        child d(fork_one());
        write_all(out.get(), "\6");
        CHECK(d.wait().code() == 6);
        child killed(fork_one());
        killed.kill();
        CHECK(killed.wait(in_time).signal() == SIGKILL);
    })
        .join();
}
#endif

TEST_CASE("child: another process that has got its number is neither ended nor reaped in its place")
{
    const watchdog guard("number used again");
    auto [r, w] = raw_pipe();
    const auto fork_one = [&, &in = r, &out = w] {
        const pid_t pid = ::fork();
        if (pid == 0) {
            out.reset();
            char byte = 0;
            ::_exit(::read(in.get(), &byte, 1) == 1 ? byte : 99);
        }
        return pid;
    };
    child first(fork_one());
    write_all(w.get(), "\5");
    REQUIRE(::waitpid(first.pid(), nullptr, 0) == first.pid()); // somebody else was quicker
    pid_t second = -1;
    for (int i = 0; i < 20 && second != first.pid(); ++i) {
        if (second > 0) {
            write_all(w.get(), "x");
            ::waitpid(second, nullptr, 0);
        }
        std::ofstream last("/proc/sys/kernel/ns_last_pid");
        last << first.pid() - 1 << std::flush;
        if (!last)
            break;
        second = fork_one();
    }
    if (second != first.pid()) {
        if (second > 0) {
            write_all(w.get(), "x");
            ::waitpid(second, nullptr, 0);
        }
        skip("the system does not let this process choose a number");
    }
    first.kill();
    CHECK(first.wait(in_time).signal() == 0);
    write_all(w.get(), "\6");
    int status = -1;
    REQUIRE(::waitpid(second, &status, 0) == second);
    CHECK(WEXITSTATUS(status) == 6);
}

TEST_CASE("standard streams: those that the process was started without are not made of other descriptors")
{
    const auto in_a_process_without = [](std::vector<int> missing, const std::function<int()>& f) {
        return in_child([missing, f] {
            for (const int fd : missing)
                ::close(fd);
            return f();
        });
    };
    const auto refused = [] { return code_of([] { (void)standard_streams(); }) == errc::bad_descriptor ? 0 : 1; };
    CHECK(in_a_process_without({0}, refused) == 0);
    CHECK(in_a_process_without({1}, refused) == 0);
    CHECK(in_a_process_without({0, 1, 2}, refused) == 0);
    // Something else has got the number.
    CHECK(in_a_process_without({0}, [&] {
              auto [r, w] = pipe();
              if (r.native_handle() != 0 || refused() != 0)
                  return 1;
              w.send("x", in_time);
              return r.recv(1, in_time).text() == "x" ? 0 : 2;
          }) == 0);
    CHECK(in_a_process_without({1}, [&] {
              auto [r, w] = pipe();
              (void)w;
              return r.native_handle() == 1 ? refused() : 1;
          }) == 0);
    // What is printed goes nowhere then.
    CHECK(in_a_process_without({2}, [] {
              auto [r, w] = pipe();
              if (r.native_handle() != 2)
                  return 1;
              const auto ends = standard_streams();
              if (::write(STDOUT_FILENO, "printed", 7) != 7)
                  return 2;
              w.send("x", in_time);
              return r.recv(1, in_time).text() == "x" && !r.try_recv() ? 0 : 3;
          }) == 0);
}
