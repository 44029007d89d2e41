#include <ferrule/process/handle_link.hpp>

#include "support/posix/children.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <spawn.h>
#include <sys/eventfd.h>

extern char** environ;

namespace {

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

// The value of a line of /proc/self/status that grep has printed.
unsigned long mask(const std::string& status, const std::string& name)
{
    return std::stoul(status.substr(status.find(name + ":") + name.size() + 1), nullptr, 16);
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
        const auto seen = parse_listing(std::string(r.recv_all(timeout).text()));
        CHECK(numbers(seen) == std::set<int>{0, 1, 2, number});
        CHECK(c.wait(timeout).success());
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
    CHECK(r.recv_all(timeout).text() == "hello\n");
    CHECK(c.wait(timeout).success());
}

TEST_CASE("process: the child gets nothing else though other threads open descriptors and start children meanwhile")
{
    // Not close-on-exec, on purpose.
    busy pipes([] { (void)raw_pipe(0); });
    busy events([] { const unique_fd e(::eventfd(0, 0)); });
    busy children([] {
        auto [r, w] = pipe();
        spawn({"/bin/true"}, w).wait(timeout);
    });
    pipes.wait_until_running();
    events.wait_until_running();
    for (int i = 0; i < 15; ++i) {
        auto [r, w] = pipe();
        child c = spawn(shell("exec ls -l /proc/self/fd >&5"), w, 5);
        w.close();
        const auto seen = parse_listing(std::string(r.recv_all(timeout).text()));
        REQUIRE(numbers(seen) == std::set<int>{0, 1, 2, 5});
        REQUIRE(c.wait(timeout).success());
    }
}

TEST_CASE("process: children that others start inherit nothing of ferrule's")
{
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
    CHECK(r.recv_all(timeout).text() == "two words||*|$HOME|");
    CHECK(c.wait(timeout).success());
}

TEST_CASE("process: leaves no descriptor open, whether the program starts or not")
{
    auto [r, w] = pipe();
    const auto before = settled_descriptors();
    CHECK_THROWS_AS(spawn({"/no/such/program"}, w), error);
    CHECK(spawn({"/bin/true"}, w).wait(timeout).success());
    CHECK(open_descriptors() == before);
}

TEST_CASE("child: starts with no signal blocked and SIGPIPE not ignored, whatever its parent does")
{
    const int status = in_child([] {
        ::signal(SIGPIPE, SIG_IGN);
        ::signal(SIGUSR1, SIG_IGN);
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        auto grep = spawn_piped({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"});
        const std::string seen(grep.output.recv_all(timeout).text());
        grep.process.wait(timeout);
        if (mask(seen, "SigBlk") != 0 || (mask(seen, "SigIgn") & (1ul << (SIGPIPE - 1))) != 0)
            return 1;
        if ((mask(seen, "SigIgn") & (1ul << (SIGUSR1 - 1))) == 0)
            return 2; // as nohup wants it for SIGHUP
        auto sleeper = spawn_piped({"sleep", "1000"});
        ::kill(sleeper.process.pid(), SIGTERM);
        return sleeper.process.wait(timeout).signal() == SIGTERM ? 0 : 3;
    });
    CHECK(status == 0);
}

TEST_CASE("child: an end that has read ahead, or not sent all, or is in use, is not handed over")
{
    for (const style s : all_styles) {
        CAPTURE(name(s));
        auto [r, w] = pipe();
        auto [output, out] = pipe();
        w.send("header\nfor the child\n", timeout);
        CHECK(call<bytes>(
                  s, [&, &in = r] { return in.recv_line(timeout); },
                  [&, &in = r](auto... token) { return in.async_recv_line(timeout, token...); })
                  .value == byte_view("header"));
        const auto start = [&, &in = r, &to = out] { return spawn({"cat"}, {{in, 0}, {to, 1}}); };
        CHECK(code_of([&] { (void)start(); }) == errc::read_ahead);
        CHECK(code_of([&, &in = r] { (void)passed_handle(in); }) == errc::read_ahead);
        CHECK(r.recv_line(timeout).text() == "for the child"); // still here
        w.send("and more\n", timeout);
        w.close();
        child cat = start();
        out.close();
        CHECK(output.recv_all(timeout).text() == "and more\n");
        CHECK(cat.wait(timeout).success());
    }
    // Packets.
    auto fds = raw_socketpair(SOCK_DGRAM);
    duplex packets(adopt(fds.first.release()));
    REQUIRE(::send(fds.second.get(), "packet", 6, 0) == 6);
    CHECK(packets.recv(6, timeout).text() == "packet");
    child started = spawn({"true"}, packets);
    CHECK(started.wait(timeout).success());

    auto [a, b] = socketpair();
    CHECK(code_of([&, &to = a] { to.send(std::string(16 << 20, 'x'), 1ms); }) == errc::timed_out);
    REQUIRE(a.unsent() != 0);
    CHECK(code_of([&, &to = a] { (void)spawn({"true"}, to); }) == errc::torn);
    CHECK(code_of([&, &to = a] { (void)passed_handle(to); }) == errc::torn);

    std::atomic<pid_t> receiver = 0;
    auto [c, d] = socketpair();
    std::thread receives([&, &from = c] {
        receiver = thread_id();
        CHECK(from.recv(1, timeout).text() == "x");
    });
    while (receiver == 0)
        std::this_thread::yield();
    until_waiting(receiver);
    CHECK(code_of([&, &in = c] { (void)spawn({"true"}, in); }) == errc::busy);
    d.send("x", timeout);
    receives.join();
}

TEST_CASE("child: ends that are moved in are closed here once the child runs")
{
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
    w.send("through", timeout);
    w.close();
    CHECK(output.recv_all(timeout).text() == "through"); // there is no other copy
    CHECK(cat.wait(timeout).success());

    auto [ours, theirs] = socketpair(varint());
    child hello = spawn(shell("printf '\\005hello' >&3"), std::move(theirs));
    CHECK(ours.recv(timeout).text() == "hello");
    CHECK(code_of([&, &in = ours] { (void)in.recv(timeout); }) == errc::end_of_stream);
    CHECK(hello.wait(timeout).success());
}

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
#endif
