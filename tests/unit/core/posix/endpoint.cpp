// Pipes and stream sockets behind readers, writers and duplexes.
#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>

#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/system.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr auto patience = 20s; // for what should happen at once

bool can(descriptor d, direction dir)
{
    const auto impl = std::move(d).take();
    const bool yes = impl->can(dir);
    impl->close();
    return yes;
}

void expect_works(reader r, writer w)
{
    CHECK(w.send("works", patience) == 5);
    CHECK(r.recv(5, patience).text() == "works");
}

} // namespace

// ---- ownership ----

TEST_CASE("descriptor: adopt takes ownership")
{
    auto [r, w] = raw_pipe();
    const int number = r.get();
    {
        const reader in(adopt(r.release()));
        CHECK(in.native_handle() == number);
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));
}

TEST_CASE("descriptor: an adopted descriptor that no endpoint takes over is closed")
{
    auto [r, w] = raw_pipe();
    const int number = r.get();
    {
        descriptor d = adopt(r.release());
        descriptor moved = std::move(d);
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));

    descriptor d = adopt(w.get());
    const int second = w.release();
    d = adopt(raw_pipe().first.release());
    CHECK(!is_open(second));
}

TEST_CASE("descriptor: duplicate leaves the original usable, and the reverse")
{
    auto [r, w] = raw_pipe();
    {
        reader in(duplicate(r.get()));
        CHECK(in.native_handle() != r.get());
        CHECK(in.native_handle() > 2);
        CHECK(closes_on_exec(in.native_handle()));
        write_all(w.get(), "abc");
        CHECK(in.recv(1, patience).size() == 1);
    }
    CHECK(is_open(r.get()));
    reader in(duplicate(r.get()));
    r.reset();
    write_all(w.get(), "def");
    CHECK(in.recv(3, patience).text() == "def");
}

TEST_CASE("descriptor: borrow neither closes nor changes a flag")
{
    auto [r, w] = raw_pipe(0); // not close-on-exec
    const int before = ::fcntl(r.get(), F_GETFL);
    {
        reader in(borrow(r.get()));
        writer out(borrow(w.get()));
        CHECK(in.native_handle() == r.get());
        expect_works(in, out);
        CHECK(!closes_on_exec(r.get()));
        CHECK(in.inheritable());
        in.close();
        CHECK(!in.is_open());
    }
    CHECK(is_open(r.get()));
    CHECK(!closes_on_exec(r.get()));
    CHECK(!closes_on_exec(w.get()));
    CHECK(::fcntl(r.get(), F_GETFL) == before);
    write_all(w.get(), "still");
    CHECK(read_n(r.get(), 5) == "still");
}

TEST_CASE("descriptor: adopt sets close-on-exec")
{
    auto [r, w] = raw_pipe(0);
    CHECK(!closes_on_exec(r.get()));
    const reader in(adopt(r.release()));
    CHECK(closes_on_exec(in.native_handle()));
    CHECK(!in.inheritable());
}

TEST_CASE("descriptor: one that is refused stays as it was")
{
    unique_fd folder(::open("/", O_RDONLY | O_DIRECTORY));
    REQUIRE(folder.get() >= 0);
    CHECK(code_of([&] { (void)adopt(folder.get()); }) == condition::misuse);
    CHECK(is_open(folder.get()));
    CHECK(!closes_on_exec(folder.get()));
}

// ---- kinds ----

TEST_CASE("descriptor: the kind and the directions are found out from the number")
{
    auto [r, w] = raw_pipe();
    CHECK(can(duplicate(r.get()), direction::read));
    CHECK(!can(duplicate(r.get()), direction::write));
    CHECK(!can(duplicate(w.get()), direction::read));
    CHECK(can(duplicate(w.get()), direction::write));
    for (const bool tcp : {false, true}) {
        auto [a, b] = tcp ? raw_tcp_pair() : raw_socketpair(SOCK_STREAM);
        CHECK(can(duplicate(a.get()), direction::read));
        CHECK(can(duplicate(b.get()), direction::write));
        expect_works(reader(duplicate(a.get())), writer(duplicate(b.get())));
        duplex x(adopt(a.release()));
        duplex y(adopt(b.release()));
        expect_works(x, y);
        expect_works(y, x);
    }
    expect_works(reader(adopt(r.release())), writer(adopt(w.release())));
}

TEST_CASE("descriptor: a FIFO works, also opened for both directions")
{
    char folder[] = "/tmp/ferrule-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    const std::string path = std::string(folder) + "/fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    unique_fd both(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    unique_fd out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    unique_fd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ::unlink(path.c_str());
    ::rmdir(folder);

    expect_works(reader(duplicate(in.get())), writer(duplicate(out.get())));
    duplex d(adopt(both.release()));
    expect_works(d, d);
    CHECK(code_of([&] { d.shutdown_send(patience); }) == errc::unsupported);
}

TEST_CASE("descriptor: the wrong direction is refused when wrapping")
{
    auto [r, w] = raw_pipe();
    CHECK(code_of([&] { writer x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { reader x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { duplex x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { duplex x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_reader<> x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_writer<> x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_duplex<> x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK_THROWS_AS(writer(borrow(r.get())), usage_error);
    CHECK_THROWS_AS(writer(adopt(r.get())), usage_error);
    CHECK(is_open(r.get())); // nobody took it over
}

TEST_CASE("descriptor: a number that is not open is refused")
{
    for (const int number : {-1, -2, closed_number()}) {
        CAPTURE(number);
        CHECK(code_of([&] { (void)adopt(number); }) == errc::bad_descriptor);
        CHECK(code_of([&] { (void)duplicate(number); }) == errc::bad_descriptor);
        CHECK(code_of([&] { (void)borrow(number); }) == errc::bad_descriptor);
        CHECK_THROWS_AS(adopt(number), usage_error);
    }
}

TEST_CASE("descriptor: what does not move bytes is refused")
{
    const unique_fd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(folder.get() >= 0);
    CHECK(code_of([&] { (void)borrow(folder.get()); }) == errc::bad_descriptor);
    const unique_fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    REQUIRE(epoll.get() >= 0);
    CHECK(code_of([&] { (void)borrow(epoll.get()); }) == errc::bad_descriptor);
}

TEST_CASE("descriptor: a number that only names a pipe, without access to it, is refused")
{
    auto [r, w] = raw_pipe();
    const unique_fd name(::open(("/proc/self/fd/" + std::to_string(w.get())).c_str(), O_PATH | O_CLOEXEC));
    REQUIRE(name.get() >= 0);
    CHECK(code_of([&] { (void)borrow(name.get()); }) == condition::misuse);
}

// ---- listening sockets ----

TEST_CASE("descriptor: a listening socket is refused when wrapping")
{
    for (const bool tcp : {false, true}) {
        CAPTURE(tcp);
        const unique_fd s = tcp ? bound_tcp() : bound_unix();
        REQUIRE(::listen(s.get(), 1) == 0);
        CHECK(code_of([&] { (void)adopt(s.get()); }) == errc::listening);
        CHECK(code_of([&] { (void)duplicate(s.get()); }) == errc::listening);
        CHECK(code_of([&] { (void)borrow(s.get()); }) == errc::listening);
        CHECK_THROWS_AS(borrow(s.get()), usage_error);
        CHECK(is_open(s.get()));
    }
}

TEST_CASE("descriptor: receiving says so if the socket began to listen after it was wrapped")
{
    for (const bool tcp : {false, true}) {
        CAPTURE(tcp);
        const unique_fd s = tcp ? bound_tcp() : bound_unix();
        duplex d(borrow(s.get()));
        message_duplex<> m(d);
        REQUIRE(::listen(s.get(), 1) == 0);
        CHECK(code_of([&] { d.recv(patience); }) == errc::listening);
        CHECK(code_of([&] { d.recv(5, patience); }) == errc::listening);
        CHECK(code_of([&] { m.recv(patience); }) == errc::listening);
        CHECK(code_of([&] { d.try_recv(); }) == errc::listening);
        CHECK_THROWS_AS(d.recv(), usage_error);
        CHECK(code_of([&] { run(d.async_recv()); }) == errc::listening);
    }
}

TEST_CASE("descriptor: sending says so if the socket began to listen after it was wrapped")
{
    for (const bool tcp : {false, true}) {
        CAPTURE(tcp);
        const unique_fd s = tcp ? bound_tcp() : bound_unix();
        duplex d(borrow(s.get()));
        REQUIRE(::listen(s.get(), 1) == 0);
        CHECK(code_of([&] { d.send("x", patience); }) == errc::listening);
    }
}

// ---- inheritance ----

TEST_CASE("descriptor: inheritance can be asked for and taken back")
{
    auto [a, b] = socketpair();
    CHECK(!a.inheritable());
    CHECK(closes_on_exec(a.native_handle()));
    a.set_inheritable(true);
    CHECK(a.inheritable());
    CHECK(!closes_on_exec(a.native_handle()));
    CHECK(closes_on_exec(b.native_handle()));
    a.set_inheritable(false);
    CHECK(!a.inheritable());
    CHECK(closes_on_exec(a.native_handle()));
    a.close();
    CHECK(code_of([&] { (void)a.inheritable(); }) == errc::closed);
    CHECK(code_of([&] { a.set_inheritable(true); }) == errc::closed);
}

TEST_CASE("descriptor: pairs are close-on-exec from the start and leave nothing open")
{
    const auto before = open_descriptors();
    {
        auto p = pipe();
        auto s = socketpair(varint());
        for (const int fd :
             {p.first.native_handle(), p.second.native_handle(), s.first.native_handle(), s.second.native_handle()})
            CHECK(closes_on_exec(fd));
        CHECK(open_descriptors().size() == before.size() + 4);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("descriptor: operations of coroutines leave nothing open")
{
    const auto before = open_descriptors();
    {
        auto ends = socketpair();
        const int first = ends.first.native_handle();
        asio::io_context ctx;
        auto got = asio::co_spawn(ctx, ends.first.async_recv(3), asio::use_future);
        ctx.poll(); // waits
        CHECK(ends.second.send("abc", patience) == 3);
        ctx.run();
        CHECK(got.get().text() == "abc");
        // Whatever the wait needed is close-on-exec as well.
        for (const auto& [fd, target] : open_descriptors()) {
            if (before.count(fd) == 0) {
                CAPTURE(fd, target);
                CHECK(closes_on_exec(fd));
            }
        }
        CHECK(is_open(first));
    }
    CHECK(open_descriptors() == before);
}

// ---- half-close ----

TEST_CASE("descriptor: half-close of a socket ends one direction only")
{
    for (const bool tcp : {false, true}) {
        CAPTURE(tcp);
        auto raw = tcp ? raw_tcp_pair() : raw_socketpair(SOCK_STREAM);
        duplex a(adopt(raw.first.release()));
        duplex b(adopt(raw.second.release()));
        a.send("last", patience);
        a.shutdown_send(patience);
        CHECK(b.recv_all(patience).text() == "last");
        CHECK(code_of([&] { b.recv(patience); }) == errc::end_of_stream);
        CHECK(b.send("answer", patience) == 6);
        CHECK(a.recv(6, patience).text() == "answer");
        CHECK(code_of([&] { a.send("more", patience); }) == condition::broken);
        CHECK(a.is_open());
    }
}

TEST_CASE("descriptor: half-close of a pipe's writing end closes it")
{
    auto [r, w] = pipe();
    w.send("last", patience);
    w.shutdown_send(patience);
    CHECK(r.recv_all(patience).text() == "last");
    CHECK(!w.is_open());
    CHECK(code_of([&] { w.send("more", patience); }) == errc::closed);
}

TEST_CASE("descriptor: half-close of messages")
{
    auto [a, b] = socketpair(varint());
    a.send("question", patience);
    a.shutdown_send(patience);
    CHECK(b.recv(patience).text() == "question");
    CHECK(code_of([&] { b.recv(patience); }) == errc::end_of_stream);
    b.send("answer", patience);
    CHECK(a.recv(patience).text() == "answer");
}

// ---- release ----

TEST_CASE("descriptor: release gives the handle away with the bytes that were read ahead")
{
    auto [a, b] = raw_socketpair(SOCK_STREAM);
    const int number = a.get();
    duplex d(adopt(a.release()));
    write_all(b.get(), "0123456789");
    CHECK(d.recv(4, patience).text() == "0123");
    auto [handle, rest] = d.release(patience);
    unique_fd again(handle);
    CHECK(handle == number);
    CHECK(!d.is_open());
    CHECK(d.native_handle() == invalid_handle);
    CHECK(is_open(handle));
    // Together with what the kernel still has, nothing is lost.
    write_all(b.get(), "end");
    b.reset();
    CHECK(std::string(rest.text()) + read_to_end(handle) == "456789end");
    CHECK(code_of([&] { d.recv(patience); }) == errc::closed);
    CHECK(code_of([&] { d.send("x", patience); }) == errc::closed);
    CHECK(code_of([&] { (void)d.release(patience); }) == errc::closed);
    CHECK(d.close() == 0);
    CHECK(is_open(handle));
}

TEST_CASE("descriptor: release keeps the beginning of a message that timed out")
{
    auto ends = socketpair(varint());
    duplex raw; // none
    auto [a, b] = raw_socketpair(SOCK_STREAM);
    message_duplex<> m(adopt(a.release()));
    write_all(b.get(), std::string("\x05") + "abc");
    CHECK(code_of([&] { m.recv(deadline::now()); }) == errc::timed_out);
    auto [handle, rest] = m.release(patience);
    const unique_fd again(handle);
    CHECK(rest.text() == std::string("\x05") + "abc");
}

namespace {

// Takes more than it gives.
class greedy {
public:
    explicit greedy(unique_fd fd) : fd_(std::move(fd)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (taken_.empty())
            taken_ = read_n(fd_.get(), 10);
        const std::size_t n = std::min({in.size(), taken_.size(), std::size_t{4}});
        std::copy_n(byte_view(taken_).begin(), n, in.begin());
        taken_.erase(0, n);
        return io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::moved(0); }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept { fd_.reset(); }
    native_handle_type release(bytes& left) noexcept
    {
        left.append(taken_);
        return fd_.release();
    }

private:
    unique_fd fd_;
    std::string taken_;
};

} // namespace

TEST_CASE("descriptor: release gives away what a type of one's own had taken")
{
    auto [a, b] = raw_socketpair(SOCK_STREAM);
    reader r{greedy(std::move(a))};
    write_all(b.get(), "0123456789");
    std::array<std::byte, 4> four;
    r.recv_into(four, patience);
    auto [handle, rest] = r.release(patience);
    const unique_fd again(handle);
    CHECK(std::string(byte_view(four).text()) + std::string(rest.text()) == "0123456789");
}

TEST_CASE("descriptor: release does not give a descriptor away in the middle of a frame")
{
    const watchdog guard("release with a tail");
    auto [a, b] = socketpair(varint());
    const bytes large(std::string(8'000'000, 'x')); // more than the system takes
    CHECK(code_of([&, &d = a] { d.send(large, deadline::now()); }) == errc::timed_out);
    CHECK(code_of([&, &d = a] { (void)d.release(patience); }) == errc::torn);
    CHECK(a.is_open());
    auto received = std::async(std::launch::async, [d = b]() mutable { return d.recv(patience); });
    a.flush(patience);
    CHECK(received.get() == large);
    const auto [handle, rest] = a.release(patience);
    const unique_fd again(handle);
    CHECK(is_open(handle));
}

TEST_CASE("descriptor: release waits for an operation under way, until its limit")
{
    const watchdog guard("release against a blocked reader");
    auto ends = socketpair();
    duplex& a = ends.first;
    std::promise<pid_t> id;
    auto received = std::async(std::launch::async, [&] {
        id.set_value(thread_id());
        return std::string(a.recv(1).text());
    });
    until_waiting(id.get_future().get());
    CHECK(code_of([&] { (void)a.release(1ms); }) == errc::lock_timed_out);
    CHECK(a.is_open());
    ends.second.send("x");
    CHECK(received.get() == "x");
    const auto [handle, rest] = a.release(patience);
    const unique_fd again(handle);
    CHECK(is_open(handle));
}

// ---- close ----

TEST_CASE("descriptor: closing twice does nothing more")
{
    auto [r, w] = pipe();
    const int number = r.native_handle();
    CHECK(r.close() == 0);
    CHECK(!is_open(number));
    const unique_fd taken(::fcntl(w.native_handle(), F_DUPFD_CLOEXEC, number));
    REQUIRE(taken.get() == number); // somebody else has the number now
    CHECK(r.close() == 0);
    CHECK(is_open(number));
    reader copy = r;
    CHECK(copy.close() == 0);
    CHECK(is_open(number));
}

TEST_CASE("descriptor: copies share the descriptor, the last one closes it")
{
    auto [r, w] = raw_pipe();
    const int number = r.get();
    reader first(adopt(r.release()));
    {
        const reader second = first;
        CHECK(second.native_handle() == number);
        first = reader();
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));
}

TEST_CASE("descriptor: ends that are kept together are closed together")
{
    auto ends = pipe();
    const int a = ends.first.native_handle();
    const int b = ends.second.native_handle();
    CHECK(ends.close() == 0);
    CHECK(!is_open(a));
    CHECK(!is_open(b));
}

TEST_CASE("descriptor: closing answers a thread that waits, and frees the number after it has left")
{
    const watchdog guard("close against a blocked thread");
    const auto what = GENERATE(0, 1, 2, 3);
    CAPTURE(what);
    auto raw = raw_socketpair(SOCK_STREAM);
    auto out = raw_pipe();
    const bool writes = what == 2;
    if (writes)
        fill(out.second.get());
    const int number = writes ? out.second.get() : raw.first.get();
    endpoint* used = nullptr;
    duplex d;
    writer w;
    message_duplex<> m;
    if (writes)
        used = &(w = writer(adopt(out.second.release())));
    else if (what == 3)
        used = &(m = message_duplex<>(adopt(raw.first.release())));
    else
        used = &(d = duplex(adopt(raw.first.release())));
    std::promise<pid_t> id;
    auto answer = std::async(std::launch::async, [&] {
        id.set_value(thread_id());
        error_code ec;
        switch (what) {
        case 0: d.recv({}, ec); break;
        case 1: d.recv_all({}, ec); break;
        case 2: w.send("does not fit", {}, ec); break;
        case 3: m.recv({}, ec); break;
        }
        return ec;
    });
    until_waiting(id.get_future().get());
    CHECK(is_open(number));
    used->close();
    CHECK(answer.get() == errc::closed);
    CHECK(!is_open(number));
    CHECK(!used->is_open());
}

TEST_CASE("descriptor: the number is not freed while somebody is inside")
{
    auto [a, b] = socketpair();
    const int number = a.native_handle();
    {
        const ferrule::detail::handle_use inside(a.channel());
        a.close();
        CHECK(!a.is_open());
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));
}

TEST_CASE("descriptor: closing answers a coroutine that waits")
{
    const watchdog guard("close against a suspended coroutine");
    auto [a, b] = socketpair();
    const int number = a.native_handle();
    asio::io_context ctx;
    auto got = asio::co_spawn(ctx, a.async_recv(), asio::use_future);
    ctx.poll();
    CHECK(got.wait_for(0s) == std::future_status::timeout);
    a.close();
    ctx.run();
    CHECK(code_of([&] { got.get(); }) == errc::closed);
    CHECK(!is_open(number));
}

namespace {

// Is closed by somebody else while it is read, and must not be asked for anything after that.
struct closed_meanwhile {
    struct state {
        std::function<void()> close;
        bool closed = false;
        bool asked_after_that = false;
    };

    io_result try_read(std::span<std::byte>) noexcept
    {
        use();
        seen->close();
        return io_result::would_block();
    }
    io_result try_write(std::span<const byte_view>) noexcept
    {
        use();
        return io_result::moved(0);
    }
    readiness arm(direction) noexcept
    {
        use();
        return readiness::now();
    }
    void disarm(direction) noexcept { use(); }
    void close() noexcept { seen->closed = true; }
    void use() noexcept { seen->asked_after_that |= seen->closed; }

    std::shared_ptr<state> seen;
};

} // namespace

TEST_CASE("descriptor: one that is closed between two steps of a call is left alone")
{
    const bool blocking = GENERATE(true, false);
    auto seen = std::make_shared<closed_meanwhile::state>();
    reader r{closed_meanwhile{seen}};
    seen->close = [&r] { r.close(); };
    CHECK(code_of([&] { blocking ? r.recv(1, patience) : run(r.async_recv(1, patience)); }) == errc::closed);
    CHECK(seen->closed);
    CHECK(!seen->asked_after_that);
}

TEST_CASE("descriptor: a descriptor moved from, or handed over already, is refused")
{
    // In a process of its own, since the mistake must not end this one.
    CHECK(in_child([] {
              auto p = pipe_descriptors();
              const reader first(std::move(p.first));
              return code_of([&] { reader second(std::move(p.first)); }) ? 0 : 1;
          }) == 0);
}
