// Goals that can be counted: system calls, heap allocations, threads, memory, descriptors. What is measured runs in a
// program of its own, helpers/goal_program.cpp.

#include "support/posix/transport.hpp"
#include "support/skip.hpp"
#include "support/test.hpp"

#include <filesystem>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using mp = multiprocessing_bytes;

// ---- programs ----

// A program with some of our descriptors, whose standard output we keep.
class program {
public:
    enum class runs { anywhere, on_one_core };

    program(const std::vector<std::string>& command, const std::vector<int>& inherited, runs where = runs::anywhere)
        : program(command, inherited, where, raw_pipe())
    {
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() { process_.kill(); } // if the test was given up

    std::string finish()
    {
        std::string printed = read_to_end(output_.get());
        const exit_status s = process_.wait(timeout);
        INFO(name_);
        REQUIRE(s.signal() == 0);
        REQUIRE(s.code() == 0);
        return printed;
    }
    [[nodiscard]] bool succeeds() { return process_.wait(timeout).success(); }

private:
    program(const std::vector<std::string>& command, const std::vector<int>& inherited, runs where,
            std::pair<unique_fd, unique_fd> output)
        : process_(start(command, inherited, where, output.second.get())),
          output_(std::move(output.first))
    {
        for (const std::string& word : command)
            name_ += word + ' ';
    }

    static int start(const std::vector<std::string>& command, const std::vector<int>& inherited, runs where, int output)
    {
        std::vector<char*> words;
        for (const std::string& word : command)
            words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        cpu_set_t core = first_core();
        const pid_t pid = must(::fork());
        if (pid != 0)
            return pid;
        if (where == runs::on_one_core)
            ::sched_setaffinity(0, sizeof core, &core);
        for (const int fd : inherited)
            ::fcntl(fd, F_SETFD, 0);
        ::dup2(output, STDOUT_FILENO);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }

    static cpu_set_t first_core()
    {
        cpu_set_t all;
        must(::sched_getaffinity(0, sizeof all, &all));
        std::size_t n = 0;
        while (!CPU_ISSET(n, &all))
            ++n;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(n, &one);
        return one;
    }

    child process_;
    unique_fd output_;
    std::string name_;
};

} // namespace

#if !defined(FERRULE_THREAD_SANITIZER) // which has a thread of its own

TEST_CASE("goals: no thread is created")
{
    std::istringstream numbers(program({FERRULE_GOAL_PROGRAM, "threads"}, {}).finish());
    long most = -1;
    long created = -1;
    REQUIRE(numbers >> most >> created);
    CHECK(most == 1);
    CHECK(created == 0);
}

#endif

namespace {

void check_idle(const std::string& style, [[maybe_unused]] long bytes_each)
{
    rlimit files{};
    must(::getrlimit(RLIMIT_NOFILE, &files));
    const long endpoints = static_cast<long>(std::min<rlim_t>(2100, files.rlim_max) - 100) / 2 * 2;
    std::istringstream numbers(
        program({FERRULE_GOAL_PROGRAM, "idle", style, std::to_string(endpoints / 2)}, {}).finish());
    long heap = -1;
    long descriptors = -1;
    REQUIRE(numbers >> heap >> descriptors);
    std::printf("%s: %ld bytes of heap, %ld descriptors in %ld endpoints\n", style.c_str(), heap, descriptors,
                endpoints);
    CHECK(descriptors == endpoints);
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
    CHECK(heap > 0); // that it was counted
    CHECK(heap <= endpoints * bytes_each);
#endif
}

} // namespace

TEST_CASE("goals: an idle endpoint that only blocking calls have used holds 2 KiB of heap and one descriptor")
{
    check_idle("blocking", 2048);
}

TEST_CASE("goals: an idle endpoint where a coroutine waits holds 5 KiB with all its frames, and one descriptor")
{
    check_idle("coroutine", 5 * 1024);
}

#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)

namespace {

// ---- connections ----

enum class style { blocking, coroutine };
constexpr style both_styles[] = {style::blocking, style::coroutine};

const char* name(style s)
{
    return s == style::blocking ? "blocking" : "coroutine";
}

struct side {
    int in;
    int out;
};

// Made by the system calls: what a user brings along.
class connection {
public:
    explicit connection(transport t)
    {
        if (t == transport::pipe) {
            auto there = raw_pipe();
            auto back = raw_pipe();
            first = {back.first.get(), there.second.get()};
            second = {there.first.get(), back.second.get()};
            keep(std::move(there));
            keep(std::move(back));
            return;
        }
        auto ends = raw_ends(t);
        first = {ends.first.get(), ends.first.get()};
        second = {ends.second.get(), ends.second.get()};
        keep(std::move(ends));
    }

    // So that whoever waits for a side that has ended sees that.
    void close() { descriptors_.clear(); }

    side first{};
    side second{};

private:
    void keep(std::pair<unique_fd, unique_fd> ends)
    {
        descriptors_.push_back(std::move(ends.first));
        descriptors_.push_back(std::move(ends.second));
    }

    std::vector<unique_fd> descriptors_;
};

// ---- the measured program ----

class job {
public:
    job(style s, const char* steps_, std::size_t count_, std::size_t size_)
        : how(s),
          steps(steps_),
          count(count_),
          size(size_)
    {
    }

    [[nodiscard]] std::vector<std::string> command(const char* measure, side s) const
    {
        return {FERRULE_GOAL_PROGRAM,
                measure,
                name(how),
                in_bytes ? "bytes" : "messages",
                steps,
                std::to_string(count),
                std::to_string(size),
                std::to_string(s.in),
                std::to_string(s.out)};
    }

    style how;
    const char* steps;
    std::size_t count;
    std::size_t size;
    bool in_bytes = false;
};

// Everybody shares one core: then it does not depend on chance how much a side finds when it looks.
program start(const char* measure, const job& j, side s)
{
    return {j.command(measure, s), {s.in, s.out}, program::runs::on_one_core};
}

// ---- system calls ----

// What `strace -c` has counted.
class call_table {
public:
    call_table() = default;
    explicit call_table(const std::string& file)
    {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) {
            text_ += line + '\n';
            // % time, seconds, usecs/call, calls, perhaps errors, name
            std::istringstream words(line);
            const std::vector<std::string> w(std::istream_iterator<std::string>(words), {});
            if (w.size() >= 5 && w[0].find_first_not_of("0123456789.") == std::string::npos && w.back() != "total")
                calls_[w.back()] = std::stod(w[3]);
        }
    }

    [[nodiscard]] double all() const
    {
        double sum = 0;
        for (const auto& [call, n] : calls_)
            sum += n;
        return sum;
    }
    [[nodiscard]] double of(std::initializer_list<const char*> names) const
    {
        double sum = 0;
        for (const char* call : names) {
            if (const auto found = calls_.find(call); found != calls_.end())
                sum += found->second;
        }
        return sum;
    }
    [[nodiscard]] double sends() const
    {
        return of({"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"});
    }
    [[nodiscard]] double receives() const
    {
        return of({"read", "readv", "pread64", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg"});
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::map<std::string, double> calls_;
    std::string text_;
};

class temporary_file {
public:
    temporary_file()
    {
        name_ = (std::filesystem::temp_directory_path() / "ferrule-calls-XXXXXX").string();
        ::close(must(::mkstemp(name_.data())));
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { ::unlink(name_.c_str()); }

    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_;
};

std::vector<std::string> traced(const std::vector<std::string>& command, const temporary_file& table)
{
    std::vector<std::string> all = {"strace", "-f", "-c", "-o", table.name()};
    all.insert(all.end(), command.begin(), command.end());
    return all;
}

bool may_trace()
{
    const temporary_file table;
    return program(traced({"true"}, table), {}).succeeds();
}

void require_strace()
{
    if (!program({"strace", "-V"}, {}).succeeds())
        skip("strace is not installed");
    if (!may_trace())
        skip("strace may not trace here");
}

// A job whose system calls are counted. strace slows down its side; since all share one core, the other side finds no more
// and no less when it looks.
class traced_job {
public:
    traced_job(const job& j, side s)
        : program_(traced(j.command("transfer", s), table_), {s.in, s.out}, program::runs::on_one_core)
    {
    }

    call_table finish()
    {
        program_.finish();
        call_table counted(table_.name());
        INFO(counted.text());
        REQUIRE(counted.all() > 0);
        return counted;
    }

private:
    temporary_file table_;
    program program_;
};

// A run and a longer one: the difference is what the messages cost, whatever it takes to start and to end.
class cost {
public:
    cost(call_table shorter, call_table longer, std::size_t more_messages)
        : shorter_(std::move(shorter)),
          longer_(std::move(longer)),
          n_(static_cast<double>(more_messages))
    {
    }

    [[nodiscard]] double all() const { return (longer_.all() - shorter_.all()) / n_; }
    [[nodiscard]] double sends() const { return (longer_.sends() - shorter_.sends()) / n_; }
    [[nodiscard]] double receives() const { return (longer_.receives() - shorter_.receives()) / n_; }
    [[nodiscard]] std::string text() const { return shorter_.text() + longer_.text(); }

private:
    call_table shorter_;
    call_table longer_;
    double n_;
};

// Else the library has to block SIGPIPE around every write to a pipe, which takes calls of its own.
bool pipes_without_sigpipe()
{
    constexpr int rwf_nosignal = 0x100;
    static const bool known = [] {
        const auto ends = raw_pipe();
        char byte = 0;
        const iovec part{&byte, 1};
        return ::pwritev2(ends.second.get(), &part, 1, -1, rwf_nosignal) == 1;
    }();
    return known;
}

bool left_out(transport t)
{
    if (t != transport::pipe || pipes_without_sigpipe())
        return false;
    WARN("pipes are left out: RWF_NOSIGNAL needs Linux 6.18");
    return true;
}

// Both sides of so many round trips of 64 bytes.
std::pair<call_table, call_table> round_trips(transport t, style s, std::size_t n)
{
    connection c(t);
    traced_job asking({s, "sr", n, 64}, c.first);
    traced_job answering({s, "rs", n, 64}, c.second);
    c.close();
    call_table asked = asking.finish();
    return {std::move(asked), answering.finish()};
}

constexpr double slack = 1.02; // now and then a coroutine that need not wait lets others run

// ---- messages that wait in a buffer ----

constexpr std::size_t most_queued = 2000;

void set_option(int fd, int option, int value)
{
    must(::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value)); // Linux cuts it to what is allowed
}

// From `first` to `second` as much as the system allows.
void enlarge_buffers(const connection& c, transport t)
{
    constexpr int wanted = 4 << 20;
    if (t == transport::pipe) {
        (void)::fcntl(c.first.out, F_SETPIPE_SZ, 1 << 20);
        return;
    }
    set_option(c.first.out, SO_SNDBUF, wanted);
    if (t == transport::tcp)
        set_option(c.second.in, SO_RCVBUF, wanted);
}

// Writes frames of 64 bytes, one by one, until the connection takes no more; returns how many.
std::size_t queue_messages(const connection& c, std::size_t most)
{
    const std::string payload(64, 'x');
    const std::string frame = frame_of(mp(), payload);
    const int flags = must(::fcntl(c.first.out, F_GETFL));
    must(::fcntl(c.first.out, F_SETFL, flags | O_NONBLOCK));
    std::size_t n = 0;
    for (; n < most; ++n) {
        const ssize_t written = ::write(c.first.out, frame.data(), frame.size());
        if (written < 0 && errno == EAGAIN)
            break;
        if (must(static_cast<int>(written)) != static_cast<int>(frame.size()))
            throw std::runtime_error("a part of a frame was written");
    }
    must(::fcntl(c.first.out, F_SETFL, flags));
    // TCP may take a moment to carry them over.
    for (int arrived = 0; static_cast<std::size_t>(arrived) < n * frame.size(); ::sched_yield())
        must(::ioctl(c.second.in, FIONREAD, &arrived));
    return n;
}

std::size_t messages_that_fit(transport t)
{
    connection c(t);
    enlarge_buffers(c, t);
    const std::size_t n = queue_messages(c, most_queued);
    REQUIRE(n >= 200); // else the counts below mean little
    return n;
}

call_table send_into_buffer(transport t, style s, std::size_t n)
{
    const connection c(t);
    enlarge_buffers(c, t);
    traced_job sending({s, "s", n, 64}, c.first);
    return sending.finish();
}

call_table receive_from_buffer(transport t, style s, std::size_t n)
{
    const connection c(t);
    enlarge_buffers(c, t);
    REQUIRE(queue_messages(c, n) == n);
    traced_job receiving({s, "r", n, 64}, c.second);
    return receiving.finish();
}

} // namespace

TEST_CASE("goals: a round trip takes at most 3 system calls per side blocking and 4 as a coroutine")
{
    require_strace();
    const std::size_t n = 1000;
    for (const transport t : all_transports) {
        if (left_out(t))
            continue;
        for (const style s : both_styles) {
            auto shorter = round_trips(t, s, n);
            auto longer = round_trips(t, s, 2 * n);
            const cost asking(std::move(shorter.first), std::move(longer.first), n);
            const cost answering(std::move(shorter.second), std::move(longer.second), n);
            INFO(name(t) << ", " << name(s) << "\n" << asking.text() << answering.text());
            std::printf("%s, %s: %.3f calls to ask, %.3f to answer\n", name(t), name(s), asking.all(), answering.all());
            const double most = s == style::blocking ? 3 : 4;
            for (const cost& c : {asking, answering}) {
                CHECK(c.sends() >= 0.98); // that it was counted
                CHECK(c.receives() >= 0.98);
                CHECK(c.all() <= most * slack);
            }
        }
    }
}

TEST_CASE("goals: a small message is sent with one system call")
{
    require_strace();
    for (const transport t : all_transports) {
        if (left_out(t))
            continue;
        const std::size_t n = messages_that_fit(t) / 2;
        for (const style s : both_styles) {
            const cost c(send_into_buffer(t, s, n), send_into_buffer(t, s, 2 * n), n);
            INFO(name(t) << ", " << name(s) << ", " << n << " messages\n" << c.text());
            std::printf("%s, %s: %.4f sends, %.4f calls per message\n", name(t), name(s), c.sends(), c.all());
            CHECK(c.sends() >= 0.99); // that it was counted
            CHECK(c.sends() <= 1.01);
            CHECK(c.all() <= slack);
        }
    }
}

TEST_CASE("goals: small messages that have arrived are received with 0.01 system calls each")
{
    require_strace();
    for (const transport t : all_transports) {
        const std::size_t n = messages_that_fit(t) / 2;
        for (const style s : both_styles) {
            const cost c(receive_from_buffer(t, s, n), receive_from_buffer(t, s, 2 * n), n);
            INFO(name(t) << ", " << name(s) << ", " << n << " messages\n" << c.text());
            std::printf("%s, %s: %.4f receives, %.4f calls per message\n", name(t), name(s), c.receives(), c.all());
            CHECK(c.all() <= 0.01);
        }
    }
}

TEST_CASE("goals: 1 MiB over a socketpair takes at most 2 sends and 12 receives")
{
    require_strace();
    const std::size_t n = 50;
    const std::size_t size = 1 << 20;
    for (const style s : both_styles) {
        auto ends = socketpair(mp()); // ours, since how large its buffers are is part of this
        const side first{ends.first.native_handle(), ends.first.native_handle()};
        const side second{ends.second.native_handle(), ends.second.native_handle()};
        traced_job sending({s, "s", n, size}, first);
        traced_job receiving({s, "r", n, size}, second);
        ends.close();
        const call_table sent = sending.finish();
        const call_table received = receiving.finish();
        INFO(name(s) << ", " << n << " messages\n" << sent.text() << received.text());
        // Nothing else uses these: there is no start to take off.
        const double sends = sent.of({"sendto", "sendmsg", "sendmmsg"}) / static_cast<double>(n);
        const double receives = received.of({"recvfrom", "recvmsg", "recvmmsg"}) / static_cast<double>(n);
        std::printf("%s: %.2f sends, %.2f receives per message\n", name(s), sends, receives);
        CHECK(sends >= 1); // that it was counted
        CHECK(receives >= 1);
        CHECK(sends <= 2);
        CHECK(receives <= 12);
    }
}

// ---- heap ----

namespace {

// Asio keeps two blocks per thread and purpose for the operations and frames of coroutines. When waits of different kinds
// change places it frees one and allocates another now and then; nothing is allocated message by message.
long strays(style s)
{
    return s == style::blocking ? 0 : 30;
}

// What 1,000 sends and 1,000 receives, each answered by the other side, have allocated.
std::pair<long, long> allocations_of(transport t, const job& j)
{
    connection c(t);
    const std::size_t warm_up = 100; // of the program
    program measured = start("allocations", j, c.first);
    job answering(style::blocking, "is", j.count + warm_up, j.size);
    answering.in_bytes = j.in_bytes;
    program other = start("transfer", answering, c.second);
    c.close();
    std::istringstream numbers(measured.finish());
    other.finish();
    std::pair<long, long> n{-1, -1};
    numbers >> n.first >> n.second;
    REQUIRE(numbers);
    return n;
}

} // namespace

TEST_CASE("goals: in steady state neither sending nor receiving into the same object allocates")
{
    const std::size_t n = 1000;
    for (const transport t : {transport::socketpair, transport::pipe}) {
        for (const style s : both_styles) {
            for (const bool in_bytes : {false, true}) {
                for (const std::size_t size : {64u, 1024u, 65536u}) {
                    job j(s, "si", n, size);
                    j.in_bytes = in_bytes;
                    const auto [by_sends, by_receives] = allocations_of(t, j);
                    INFO(name(t) << ", " << name(s) << ", " << (in_bytes ? "bytes" : "messages") << " of " << size);
                    std::printf("%s, %s, %s of %zu: %ld by sends, %ld by receives\n", name(t), name(s),
                                in_bytes ? "bytes" : "messages", size, by_sends, by_receives);
                    CHECK(by_sends <= strays(s));
                    CHECK(by_receives <= strays(s));
                }
            }
        }
    }
}

TEST_CASE("goals: a received message that is a new object is the only allocation")
{
    const long n = 1000;
    for (const transport t : {transport::socketpair, transport::pipe}) {
        for (const style s : both_styles) {
            for (const std::size_t size : {64u, 1024u, 65536u}) {
                const auto [by_sends, by_receives] = allocations_of(t, {s, "sr", n, size});
                INFO(name(t) << ", " << name(s) << ", messages of " << size);
                std::printf("%s, %s, messages of %zu: %ld by sends, %ld by receives\n", name(t), name(s), size,
                            by_sends, by_receives);
                CHECK(by_sends <= strays(s));
                CHECK(by_receives > 0); // that it was counted
                CHECK(by_receives <= static_cast<long>(n) + strays(s));
            }
        }
    }
}

// ---- one large message ----

TEST_CASE("goals: 256 MiB in one message take at most 1 MiB more on either side")
{
    const long size = 256 << 10; // all in KiB
    const long goal = 1 << 10;
    // Linux counts the pages of a process per core, and adds to VmHWM only when some dozens have come together.
    const long imprecision = 256;
    for (const transport t : {transport::socketpair, transport::pipe}) {
        for (const style s : both_styles) {
            connection c(t);
            program sending = start("peak", {s, "s", 1, size << 10}, c.first);
            program receiving = start("peak", {s, "r", 1, size << 10}, c.second);
            c.close();
            const long sender = std::stol(sending.finish());
            const long receiver = std::stol(receiving.finish());
            INFO(name(t) << ", " << name(s));
            std::printf("%s, %s: sender %+ld KiB, receiver %+ld KiB above its message\n", name(t), name(s), sender,
                        receiver - size);
            CHECK(sender <= goal + imprecision);
            CHECK(receiver >= size - imprecision); // that it was measured
            CHECK(receiver <= size + goal + imprecision);
        }
    }
}

#endif
