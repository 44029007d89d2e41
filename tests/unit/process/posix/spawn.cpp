#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>

#include "platform/os.hpp"
#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/system.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr auto patience = 20s;

using command = std::vector<std::string>;

command shell(const std::string& script)
{
    return {"/bin/sh", "-c", script};
}

// What `ls -l /proc/self/fd` printed, without the descriptor that ls itself reads the folder with.
std::map<int, std::string> parse_listing(const std::string& text)
{
    std::map<int, std::string> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto arrow = line.find(" -> ");
        if (arrow == std::string::npos)
            continue;
        const std::string target = line.substr(arrow + 4);
        if (target.rfind("/proc/", 0) == 0)
            continue;
        found[std::stoi(line.substr(line.rfind(' ', arrow - 1) + 1))] = target;
    }
    return found;
}

std::set<int> numbers(const std::map<int, std::string>& descriptors)
{
    std::set<int> s;
    for (const auto& d : descriptors)
        s.insert(d.first);
    return s;
}

bool no_child_left()
{
    return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
}

// Opens and closes in a thread until the end.
template <class F>
class busy {
public:
    explicit busy(F f)
        : thread_([this, f] {
              while (!over_) {
                  f();
                  ++rounds_;
              }
          })
    {
    }
    ~busy()
    {
        over_ = true;
        thread_.join();
    }
    // Returns once it has done some work.
    void wait_until_running() const
    {
        while (rounds_ == 0)
            std::this_thread::yield();
    }

private:
    std::atomic<bool> over_{false};
    std::atomic<int> rounds_{0};
    std::thread thread_;
};

} // namespace

TEST_CASE("process: the child gets the standard descriptors and the chosen one, nothing else")
{
    const unique_fd leaky[] = {unique_fd(::eventfd(0, 0)), unique_fd(::eventfd(0, 0)), unique_fd(::eventfd(0, 0))};
    for (const int number : {3, 4, 9, 40}) {
        CAPTURE(number);
        auto [r, w] = pipe();
        child c = spawn(shell("exec ls -l /proc/self/fd > /dev/fd/" + std::to_string(number)), w, number);
        w.close();
        const auto seen = parse_listing(std::string(r.recv_all(patience).text()));
        CHECK(numbers(seen) == std::set<int>{0, 1, 2, number});
        CHECK(c.wait(patience).success());
    }
}

TEST_CASE("process: a descriptor can keep its number, which is close-on-exec here and open there")
{
    auto [r, w] = pipe();
    const int number = w.native_handle();
    REQUIRE(number >= 3);
    child c = spawn(shell("echo hello > /dev/fd/" + std::to_string(number)), w, number);
    CHECK(closes_on_exec(number));
    w.close();
    CHECK(r.recv_all(patience).text() == "hello\n");
    CHECK(c.wait(patience).success());
}

TEST_CASE("process: the child gets nothing else though other threads open descriptors and start children meanwhile")
{
    const watchdog guard("spawn among other threads");
    // Not close-on-exec, on purpose.
    busy pipes([] { (void)raw_pipe(0); });
    busy events([] { const unique_fd e(::eventfd(0, 0)); });
    busy children([] {
        auto [r, w] = pipe();
        spawn({"/bin/true"}, w).wait(patience);
    });
    pipes.wait_until_running();
    events.wait_until_running();
    for (int i = 0; i < 15; ++i) {
        auto [r, w] = pipe();
        child c = spawn(shell("exec ls -l /proc/self/fd >&5"), w, 5);
        w.close();
        const auto seen = parse_listing(std::string(r.recv_all(patience).text()));
        REQUIRE(numbers(seen) == std::set<int>{0, 1, 2, 5});
        REQUIRE(c.wait(patience).success());
    }
}

TEST_CASE("process: children that others start inherit nothing of ferrule's")
{
    const watchdog guard("children of others");
    char name[] = "/tmp/ferrule-XXXXXX";
    const unique_fd output(::mkostemp(name, O_CLOEXEC));
    REQUIRE(output.get() >= 0);
    std::set<std::string> here_before;
    for (const auto& d : open_descriptors())
        here_before.insert(d.second);

    busy pipes([] {
        auto p = pipe();
        p.second.send("x");
        p.first.recv(1);
        error_code ec;
        p.first.recv(1us, ec); // waits: wake-up descriptor
    });
    busy sockets([] {
        auto s = socketpair(varint());
        asio::io_context ctx;
        auto got = asio::co_spawn(ctx, s.first.async_recv(), asio::use_future);
        ctx.poll(); // waits: private epoll descriptor
        s.second.send("x");
        ctx.run();
        got.get();
    });
    busy copies([] {
        auto raw = raw_pipe();
        const reader r(duplicate(raw.first.get()));
        // Wrapping does not make a descriptor inheritable for a moment.
        const writer w(adopt(raw.second.release()));
    });
    pipes.wait_until_running();
    sockets.wait_until_running();
    copies.wait_until_running();
    for (int i = 0; i < 15; ++i) {
        // No file actions: whatever is not close-on-exec is inherited.
        const std::string script = std::string("exec ls -l /proc/self/fd > ") + name;
        const char* arguments[] = {"/bin/sh", "-c", script.c_str(), nullptr};
        pid_t pid;
        REQUIRE(::posix_spawn(&pid, arguments[0], nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
        int status = -1;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        REQUIRE(status == 0);
        std::ifstream file(name);
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        const auto seen = parse_listing(text);
        REQUIRE(seen.count(1) == 1); // the listing was read
        for (const auto& [fd, target] : seen) {
            CAPTURE(fd, target);
            REQUIRE((here_before.count(target) == 1 || target == name));
        }
    }
    ::unlink(name);
}

TEST_CASE("process: a program that cannot be started is an error")
{
    auto [r, w] = pipe();
    CHECK(code_of([&, &e = w] { (void)spawn({"/no/such/program"}, e); }) ==
          boost::system::errc::no_such_file_or_directory);
    CHECK(in_child([&e = w] { // a folder in PATH that one may not search is another error
              ::setenv("PATH", "/usr/bin:/bin", 1);
              const auto ec = code_of([&] { (void)spawn({"ferrule-no-such-program"}, e); });
              return ec == boost::system::errc::no_such_file_or_directory ? 0 : 1;
          }) == 0);
    CHECK(code_of([&, &e = w] { (void)spawn({"/etc/passwd"}, e); }) == boost::system::errc::permission_denied);
    CHECK(code_of([&, &e = w] { (void)spawn({"/"}, e); }) == boost::system::errc::permission_denied);
    CHECK(code_of([&, &e = w] { (void)spawn({"/bin/true"}, e, 3, spawn_options().end_with_parent()); }) ==
          errc::unsupported);
    CHECK(no_child_left());
    CHECK(w.is_open());
}

TEST_CASE("process: bad arguments are refused before anything is started")
{
    auto ends = pipe();
    const writer& w = ends.second;
    CHECK(code_of([&] { (void)spawn({}, w); }) == errc::invalid_argument);
    CHECK(code_of([&] { (void)spawn({"/bin/true"}, w, -1); }) == errc::invalid_argument);
    CHECK(code_of([&] { (void)spawn({"/bin/true"}, {{w, 3}, {ends.first, 3}}); }) == errc::invalid_argument);
    CHECK(code_of([&] { (void)spawn({"/bin/true"}, reader()); }) == errc::closed);
    ends.second.close();
    CHECK(code_of([&] { (void)spawn({"/bin/true"}, w); }) == errc::closed);
    CHECK(no_child_left());
}

TEST_CASE("process: a program is searched in PATH and gets its arguments as they are")
{
    auto [r, w] = pipe();
    child c = spawn({"sh", "-c", "printf '%s|' \"$@\" >&3", "name", "two words", "", "*", "$HOME"}, w);
    w.close();
    CHECK(r.recv_all(patience).text() == "two words||*|$HOME|");
    CHECK(c.wait(patience).success());
}

TEST_CASE("process: exit code and signal are reported")
{
    auto [r, w] = pipe();
    child seven = spawn(shell("exit 7"), w);
    const exit_status s = seven.wait(patience);
    CHECK(s.code() == 7);
    CHECK(s.signal() == 0);
    CHECK(!s.success());
    CHECK(seven.wait(patience).code() == 7); // again

    child zero = spawn(shell("exit 0"), w);
    CHECK(zero.wait(patience).success());

    child killed = spawn(shell("kill -TERM $$"), w);
    const exit_status k = killed.wait(patience);
    CHECK(k.code() == -1);
    CHECK(k.signal() == SIGTERM);
    CHECK(!k.success());
    CHECK(no_child_left());
}

TEST_CASE("process: waiting ends at the deadline and can be repeated")
{
    auto [a, b] = socketpair();
    child c = spawn(shell("read line <&3; exit 5"), b);
    b.close();
    CHECK(code_of([&, &x = c] { x.wait(deadline::now()); }) == errc::timed_out);
    CHECK(code_of([&, &x = c] { x.wait(1ms); }) == errc::timed_out);
    CHECK_THROWS_AS(c.wait(1ms), timeout_error);
    error_code ec;
    CHECK(!c.wait(1ms, ec).success());
    CHECK(ec == errc::timed_out);
    a.send("go\n", patience);
    CHECK(c.wait(patience, ec).code() == 5);
    CHECK(!ec);
    CHECK(c.wait(deadline::now()).code() == 5);
}

TEST_CASE("process: waiting ends when a stop is requested and can be repeated")
{
    const watchdog guard("wait with a stop token");
    auto [a, b] = socketpair();
    child c = spawn(shell("read line <&3; exit 5"), b);
    b.close();
    {
        std::stop_source early;
        early.request_stop();
        CHECK(code_of([&, &x = c] { x.wait(early.get_token()); }) == errc::cancelled);
        error_code ec;
        (void)c.wait(early.get_token(), ec);
        CHECK(ec == errc::cancelled);
    }
    std::stop_source stop;
    const pid_t me = thread_id();
    std::thread t([&] {
        until_waiting(me);
        stop.request_stop();
    });
    CHECK_THROWS_AS(c.wait(stop.get_token()), cancelled_error);
    t.join();
    // Nothing of it is left for the next wait of this thread.
    CHECK(code_of([&, &x = c] { x.wait(1ms); }) == errc::timed_out);
    CHECK(code_of([&, &x = a] { x.recv(1ms); }) == errc::timed_out);
    a.send("go\n", patience);
    CHECK(c.wait(patience).code() == 5);
}

TEST_CASE("process: kill ends the child at once")
{
    auto [a, b] = socketpair();
    child c = spawn(shell("trap '' TERM; read line <&3"), b);
    b.close();
    c.kill();
    CHECK(c.wait(patience).signal() == SIGKILL);
    c.kill(); // nothing to end any more
    CHECK(c.wait(patience).signal() == SIGKILL);
    CHECK(no_child_left());
    CHECK_THROWS_AS(a.recv(patience), eof_error);
}

TEST_CASE("process: destroying the object neither ends the child nor waits for it, but reaps one that has ended")
{
    auto [a, b] = socketpair();
    int pid;
    {
        const child c = spawn(shell("read line <&3; echo $line >&3"), b);
        pid = c.pid();
    }
    b.close();
    a.send("alive\n", patience);
    CHECK(a.recv_all(patience).text() == "alive\n");
    CHECK(::waitpid(pid, nullptr, 0) == pid); // left to whoever wants to know

    auto [r, w] = pipe();
    {
        child c = spawn({"/bin/true"}, w);
        // Ended, but not waited for through the object.
        siginfo_t info;
        CHECK(::waitid(P_PID, static_cast<id_t>(c.pid()), &info, WEXITED | WNOWAIT) == 0);
    }
    CHECK(no_child_left());
}

TEST_CASE("process: the object can be moved")
{
    auto [r, w] = pipe();
    (void)os::wakeup::of_this_thread(); // made when first needed, kept by the thread
    const auto before = open_descriptors().size();
    {
        child a = spawn(shell("exit 1"), w);
        const int pid = a.pid();
        child b = std::move(a);
        CHECK(b.pid() == pid);
        child c = spawn(shell("exit 2"), w);
        c = std::move(b);
        CHECK(c.pid() == pid);
        CHECK(c.wait(patience).code() == 1);
        CHECK(b.wait(patience).code() == 2); // NOLINT: assignment swaps
    }
    CHECK(open_descriptors().size() == before);
    CHECK(no_child_left());
}

TEST_CASE("process: leaves no descriptor open, whether the program starts or not")
{
    auto [r, w] = pipe();
    (void)os::wakeup::of_this_thread(); // made when first needed, kept by the thread
    const auto before = open_descriptors();
    CHECK_THROWS_AS(spawn({"/no/such/program"}, w), error);
    CHECK(spawn({"/bin/true"}, w).wait(patience).success());
    CHECK(open_descriptors() == before);
}

TEST_CASE("process: a child that was forked otherwise is waited for as well")
{
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(7);
    child c(pid);
    CHECK(c.pid() == pid);
    CHECK(c.wait(20s).code() == 7);
    CHECK(c.wait(deadline::now()).code() == 7);
}
