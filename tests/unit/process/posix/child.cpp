#include <ferrule/process/handle_link.hpp>

#include "support/posix/children.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/skip.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <spawn.h>
#include <sys/eventfd.h>

extern char** environ;

namespace {

/// Children that exit with what they are told.
class told_children {
public:
    pid_t fork()
    {
        const pid_t pid = ::fork();
        if (pid == 0) {
            told_.second.reset();
            char code = 0;
            ::_exit(::read(told_.first.get(), &code, 1) == 1 ? code : 99);
        }
        return pid;
    }
    /// One of those that live.
    void exit(char code) { write_all(told_.second.get(), std::string(1, code)); }

private:
    std::pair<unique_fd, unique_fd> told_ = raw_pipe();
};

} // namespace

TEST_CASE("process: exit code and signal are reported")
{
    auto [r, w] = pipe();
    child seven = spawn(shell("exit 7"), w);
    const exit_status s = seven.wait(timeout);
    CHECK(s.code() == 7);
    CHECK(s.signal() == 0);
    CHECK(!s.success());
    CHECK(seven.wait(timeout).code() == 7); // again

    child zero = spawn(shell("exit 0"), w);
    CHECK(zero.wait(timeout).success());

    child killed = spawn(shell("kill -TERM $$"), w);
    const exit_status k = killed.wait(timeout);
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
    a.send("go\n", timeout);
    CHECK(c.wait(timeout, ec).code() == 5);
    CHECK(!ec);
    CHECK(c.wait(deadline::now()).code() == 5);
}

TEST_CASE("process: waiting ends when a stop is requested and can be repeated")
{
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
    a.send("go\n", timeout);
    CHECK(c.wait(timeout).code() == 5);
}

TEST_CASE("process: kill ends the child at once")
{
    auto [a, b] = socketpair();
    child c = spawn(shell("trap '' TERM; read line <&3"), b);
    b.close();
    c.kill();
    CHECK(c.wait(timeout).signal() == SIGKILL);
    c.kill(); // nothing to end any more
    CHECK(c.wait(timeout).signal() == SIGKILL);
    CHECK(no_child_left());
    CHECK_THROWS_AS(a.recv(timeout), eof_error);
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
    a.send("alive\n", timeout);
    CHECK(a.recv_all(timeout).text() == "alive\n");
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
    const auto before = settled_descriptors().size();
    {
        child a = spawn(shell("exit 1"), w);
        const int pid = a.pid();
        child b = std::move(a);
        CHECK(b.pid() == pid);
        child c = spawn(shell("exit 2"), w);
        c = std::move(b);
        CHECK(c.pid() == pid);
        CHECK(c.wait(timeout).code() == 1);
        CHECK(b.wait(timeout).code() == 2); // NOLINT: assignment swaps
    }
    CHECK(open_descriptors().size() == before);
    CHECK(no_child_left());
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

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
TEST_CASE("child: is waited for and ended though there is no descriptor left")
{
    told_children children;
    std::thread([&] { // a thread that has not waited yet has nothing to be woken by
        const no_more_descriptors none;
        child c(children.fork());
        CHECK(code_of([&] { c.wait(deadline::now()); }) == errc::timed_out);
        CHECK(code_of([&] { c.wait(1ms); }) == errc::timed_out);
        std::stop_source stop;
        std::jthread stops([&] { stop.request_stop(); });
        CHECK(code_of([&] { c.wait(stop.get_token()); }) == errc::cancelled);
        children.exit(7);
        CHECK(c.wait(timeout).code() == 7);
        child d(children.fork());
        children.exit(6);
        CHECK(d.wait().code() == 6);
        child killed(children.fork());
        killed.kill();
        CHECK(killed.wait(timeout).signal() == SIGKILL);
    })
        .join();
}
#endif

TEST_CASE("child: another process that has got its number is neither ended nor reaped in its place")
{
    told_children children;
    child first(children.fork());
    children.exit(5);
    REQUIRE(::waitpid(first.pid(), nullptr, 0) == first.pid()); // somebody else was quicker
    pid_t second = -1;
    for (int i = 0; i < 20 && second != first.pid(); ++i) {
        if (second > 0) {
            children.exit('x');
            ::waitpid(second, nullptr, 0);
        }
        std::ofstream last("/proc/sys/kernel/ns_last_pid");
        last << first.pid() - 1 << std::flush;
        if (!last)
            break;
        second = children.fork();
    }
    if (second != first.pid()) {
        if (second > 0) {
            children.exit('x');
            ::waitpid(second, nullptr, 0);
        }
        skip("the system does not let this process choose a number");
    }
    first.kill();
    CHECK(first.wait(timeout).signal() == 0);
    children.exit(6);
    int status = -1;
    REQUIRE(::waitpid(second, &status, 0) == second);
    CHECK(WEXITSTATUS(status) == 6);
}
