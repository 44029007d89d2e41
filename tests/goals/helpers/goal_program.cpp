// The program that is measured, free of anything that a test framework does on the side.
//
//     goal_program transfer <job>          does the job and nothing else, for those who count system calls
//     goal_program allocations <job>       prints the heap allocations of all sends and of all receives
//     goal_program peak <job>              prints by how many KiB the resident memory grew above the baseline at most
//     goal_program threads                 prints the most threads ever seen and the threads created
//     goal_program idle <style> <pairs>    prints the bytes of heap and the descriptors that so many idle pairs hold,
//                                          of which, if the style is coroutine, a coroutine waits at each end
//
// A job is <style> <unit> <steps> <count> <size> <in> <out>:
//     style        blocking, coroutine
//     unit         messages, bytes
//     steps        what is done <count> times: s sends, r receives, i receives into the same object
//     size         of every message
//     in, out      descriptor numbers; one and the same for a socket
#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>

#include "support/sanitizers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <dlfcn.h>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <malloc.h>
#include <pthread.h>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace {

std::atomic<std::size_t> allocations = 0;
std::atomic<std::size_t> threads_created = 0;

} // namespace

// Sanitizers have an allocator and threads of their own.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)

// These stand before the ones of the C library, for everything in this process; operator new calls them as well.
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t n) noexcept
{
    ++allocations;
    return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) noexcept
{
    ++allocations;
    return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) noexcept
{
    ++allocations;
    return __libc_realloc(p, n);
}
void* memalign(std::size_t alignment, std::size_t n) noexcept
{
    ++allocations;
    return __libc_memalign(alignment, n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept
{
    return memalign(alignment, n);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t n) noexcept
{
    *p = memalign(alignment, n);
    return *p == nullptr ? ENOMEM : 0;
}

int pthread_create(pthread_t* t, const pthread_attr_t* a, void* (*f)(void*), void* argument) noexcept
{
    ++threads_created;
    static const auto next = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
    return next(t, a, f, argument);
}

} // extern "C"

#endif

namespace {

using namespace ferrule;
using namespace std::chrono_literals;
namespace asio = boost::asio;

using mp = multiprocessing_bytes;

// ---- the job ----

class job {
public:
    explicit job(char** a)
        : coroutine(a[0] == std::string_view("coroutine")),
          in_bytes(a[1] == std::string_view("bytes")),
          steps(a[2]),
          count(std::stoul(a[3])),
          size(std::stoul(a[4])),
          in(std::stoi(a[5])),
          out(std::stoi(a[6]))
    {
    }

    bool coroutine;
    bool in_bytes;
    std::string steps;
    std::size_t count;
    std::size_t size;
    int in;
    int out;
};

constexpr std::size_t warm_up = 100;
std::size_t allocated_by_sends = 0;
std::size_t allocated_by_receives = 0;

// Adds what was allocated during its life.
class allocation_meter {
public:
    explicit allocation_meter(std::size_t& sum) noexcept : sum_(sum), before_(allocations) {}
    allocation_meter(const allocation_meter&) = delete;
    allocation_meter& operator=(const allocation_meter&) = delete;
    ~allocation_meter() { sum_ += allocations - before_; }

private:
    std::size_t& sum_;
    std::size_t before_;
};

void check(byte_view received, byte_view sent)
{
    if (received.size() != sent.size() || received.front() != sent.front() || received.back() != sent.back())
        throw std::runtime_error("something else arrived");
}

// Bytes are received into a buffer of their size. A message finds its own.
bytes buffer_for(const job& j)
{
    bytes b;
    if (j.in_bytes)
        b.resize(j.size);
    return b;
}

// One interface for the two units.

template <class In>
bytes receive(In& in, std::size_t)
{
    return in.recv();
}
bytes receive(reader& in, std::size_t size)
{
    return in.recv(size);
}
template <class In>
void receive_into(In& in, bytes& b)
{
    in.recv_into(b);
}
void receive_into(reader& in, bytes& b)
{
    in.recv_into(std::span<std::byte>(b));
}
template <class In>
auto async_receive(In& in, std::size_t)
{
    return in.async_recv();
}
auto async_receive(reader& in, std::size_t size)
{
    return in.async_recv(size);
}
template <class In>
auto async_receive_into(In& in, bytes& b)
{
    return in.async_recv_into(b);
}
auto async_receive_into(reader& in, bytes& b)
{
    return in.async_recv_into(std::span<std::byte>(b));
}

// Both do the steps `before` times, call `begin`, and do them as often as the job says.

template <class In, class Out, class Begin>
void repeat(In& in, Out& out, const job& j, byte_view sent, std::size_t before, Begin& begin)
{
    bytes received = buffer_for(j);
    for (std::size_t i = 0; i < before + j.count; ++i) {
        if (i == before)
            begin();
        for (const char step : j.steps) {
            if (step == 's') {
                const allocation_meter meter(allocated_by_sends);
                out.send(sent);
                continue;
            }
            const allocation_meter meter(allocated_by_receives);
            if (step == 'r')
                received = receive(in, j.size);
            else
                receive_into(in, received);
            check(received, sent);
        }
    }
}

template <class In, class Out, class Begin>
asio::awaitable<void> repeat_async(In& in, Out& out, const job& j, byte_view sent, std::size_t before, Begin& begin)
{
    bytes received = buffer_for(j);
    for (std::size_t i = 0; i < before + j.count; ++i) {
        if (i == before)
            begin();
        for (const char step : j.steps) {
            if (step == 's') {
                const allocation_meter meter(allocated_by_sends);
                co_await out.async_send(sent);
                continue;
            }
            const allocation_meter meter(allocated_by_receives);
            if (step == 'r')
                received = co_await async_receive(in, j.size);
            else
                co_await async_receive_into(in, received);
            check(received, sent);
        }
    }
}

void run(asio::awaitable<void> a)
{
    asio::io_context context;
    asio::co_spawn(context, std::move(a), [](std::exception_ptr e) {
        if (e)
            std::rethrow_exception(e);
    });
    context.run();
}

template <class In, class Out, class Begin>
void repeat_either_way(In& in, Out& out, const job& j, byte_view sent, std::size_t before, Begin& begin)
{
    if (j.coroutine)
        run(repeat_async(in, out, j, sent, before, begin));
    else
        repeat(in, out, j, sent, before, begin);
}

template <class Begin>
void transfer(const job& j, std::size_t before, Begin begin)
{
    const std::string sent(j.size, 'x');
    const limits l(std::max(limits().max_payload(), j.size));
    if (j.in_bytes) {
        reader in(duplicate(j.in));
        writer out(duplicate(j.out));
        repeat_either_way(in, out, j, sent, before, begin);
    } else if (j.in == j.out) {
        message_duplex<mp> both(adopt(j.in), mp(), l);
        repeat_either_way(both, both, j, sent, before, begin);
    } else {
        message_reader<mp> in(adopt(j.in), mp(), l);
        message_writer<mp> out(adopt(j.out), mp(), l);
        repeat_either_way(in, out, j, sent, before, begin);
    }
}

int count_allocations(const job& j)
{
    transfer(j, warm_up, [] { allocated_by_sends = allocated_by_receives = 0; });
    std::printf("%zu %zu\n", allocated_by_sends, allocated_by_receives);
    return 0;
}

// ---- /proc ----

// The number behind "name:", such as in /proc/self/status.
long number_in(const char* file, std::string_view name)
{
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > name.size() && line.compare(0, name.size(), name) == 0 && line[name.size()] == ':')
            return std::stol(line.substr(name.size() + 1));
    }
    throw std::runtime_error(file + std::string(" does not say ") + std::string(name));
}

std::size_t open_descriptors()
{
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

int peak(const job& j)
{
    long baseline = 0;
    transfer(j, 0, [&] {
        std::ofstream("/proc/self/clear_refs") << 5;            // VmHWM begins anew
        baseline = number_in("/proc/self/smaps_rollup", "Rss"); // exact, unlike VmRSS
    });
    std::printf("%ld\n", number_in("/proc/self/status", "VmHWM") - baseline);
    return 0;
}

// ---- threads ----

long most_threads = 0;

void look_at_threads()
{
    most_threads = std::max(most_threads, number_in("/proc/self/status", "Threads"));
}

// Waits in vain, for reading and for writing, with a deadline and with a stop token.
void wait_in_vain(message_duplex<mp>& m)
{
    std::stop_source stop;
    const until limit(10ms, stop.get_token());
    error_code ec;
    (void)m.recv(limit, ec);
    if (ec != errc::timed_out)
        throw std::runtime_error("a message out of nothing");
    const std::string large(8 << 20, 'x');
    m.send(large, limit, ec);
    if (!ec)
        throw std::runtime_error("8 MiB went where nobody receives");
    look_at_threads();
}

asio::awaitable<void> wait_in_vain_async(message_duplex<mp>& m)
{
    bool late = false;
    try {
        co_await m.async_recv(10ms);
    } catch (const timeout_error&) {
        late = true;
    }
    if (!late)
        throw std::runtime_error("a message out of nothing");
    const std::string large(8 << 20, 'x');
    late = false;
    try {
        co_await m.async_send(large, 10ms);
    } catch (const timeout_error&) {
        late = true;
    }
    if (!late)
        throw std::runtime_error("8 MiB went where nobody receives");
    look_at_threads();
}

asio::awaitable<void> wait_for_close(message_duplex<mp>& m, bool& closed)
{
    try {
        co_await m.async_recv();
    } catch (const closed_error&) {
        closed = true;
    }
    look_at_threads();
}

asio::awaitable<void> close_async(message_duplex<mp>& m)
{
    look_at_threads();
    co_await m.async_close();
}

asio::awaitable<void> exchange_async(message_duplex<mp>& m)
{
    const std::string question(8, 'x');
    for (int i = 0; i < 10; ++i) {
        co_await m.async_send(question, 60s);
        co_await m.async_recv(60s);
        look_at_threads();
    }
}

int threads(const char* program)
{
    {
        auto [mine, theirs] = socketpair(mp());
        const int number = 3;
        const std::vector<std::string> command = {program, "transfer", "blocking", "messages", "rs",
                                                  "20",    "8",        "3",        "3"};
        child c = spawn(command, theirs, number);
        theirs.close();
        for (int i = 0; i < 10; ++i) {
            mine.send("xxxxxxxx", 60s);
            (void)mine.recv(60s);
            look_at_threads();
        }
        run(exchange_async(mine));
        if (!c.wait(60s).success())
            throw std::runtime_error("the child failed");
        look_at_threads();
        mine.close(10ms);
    }
    {
        auto ends = socketpair(mp());
        wait_in_vain(ends.first);
        run(wait_in_vain_async(ends.second));
        ends.close(10ms); // with unsent tails
        look_at_threads();
    }
    {
        auto ends = socketpair(mp());
        bool closed = false;
        asio::io_context context;
        const auto rethrow = [](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
        };
        asio::co_spawn(context, wait_for_close(ends.first, closed), rethrow);
        asio::co_spawn(context, close_async(ends.first), rethrow);
        context.run();
        if (!closed)
            throw std::runtime_error("close did not wake the coroutine");
    }
    std::printf("%ld %zu\n", most_threads, threads_created.load());
    return 0;
}

// ---- idle endpoints ----

// So that both ends have tried, waited and received.
void exchange(message_duplex<mp>& a, message_duplex<mp>& b)
{
    for (int i = 0; i < 2; ++i) { // the second receive waits, since the first has seen that no more is there
        a.send("to the second");
        if (b.recv().text() != "to the second")
            throw std::runtime_error("something else arrived");
        b.send("to the first");
        if (a.recv().text() != "to the first")
            throw std::runtime_error("something else arrived");
    }
}

std::size_t heap()
{
    const auto m = ::mallinfo2();
    return m.uordblks + m.hblkhd;
}

asio::awaitable<void> receive_all(message_duplex<mp> from)
{
    while (const auto m = co_await from.async_next()) {
    }
}

int idle(bool waits, std::size_t count)
{
    rlimit files;
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
    }
    using pair = ends<message_duplex<mp>, message_duplex<mp>>;
    std::vector<pair> pairs;
    pairs.reserve(count + 1);
    asio::io_context context;
    const auto add = [&] {
        pairs.push_back(socketpair(mp()));
        exchange(pairs.back().first, pairs.back().second);
        if (!waits)
            return;
        for (const auto& end : {pairs.back().first, pairs.back().second})
            co_spawn(context, receive_all(end), asio::detached);
        context.poll();
    };
    add(); // what a thread needs only once
    (void)open_descriptors();
    const std::size_t descriptors_before = open_descriptors();
    const std::size_t heap_before = heap();
    for (std::size_t i = 0; i < count; ++i)
        add();
    const std::size_t heap_after = heap();
    std::printf("%zu %zu\n", heap_after - heap_before, open_descriptors() - descriptors_before);
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view what = argc > 1 ? argv[1] : "";
    try {
        if (what == "transfer" && argc == 9) {
            transfer(job(argv + 2), 0, [] {});
            return 0;
        }
        if (what == "allocations" && argc == 9)
            return count_allocations(job(argv + 2));
        if (what == "peak" && argc == 9)
            return peak(job(argv + 2));
        if (what == "threads" && argc == 2)
            return threads(argv[0]);
        if (what == "idle" && argc == 4)
            return idle(argv[2] == std::string_view("coroutine"), std::stoul(argv[3]));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "goal_program: %s\n", e.what());
        return 1;
    }
    std::fprintf(stderr, "goal_program: see the beginning of its source for how to call it\n");
    return 2;
}
