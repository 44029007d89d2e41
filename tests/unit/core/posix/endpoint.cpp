// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

TEST_CASE("descriptor: operations of coroutines leave nothing open")
{
    const auto before = open_descriptors();
    {
        auto ends = socketpair();
        const int first = ends.first.native_handle();
        asio::io_context ctx;
        auto got = asio::co_spawn(ctx, ends.first.async_recv(3), asio::use_future);
        ctx.poll(); // waits
        CHECK(ends.second.send("abc", timeout) == 3);
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
        a.send("last", timeout);
        a.shutdown_send(timeout);
        CHECK(b.recv_all(timeout).text() == "last");
        CHECK(code_of([&] { b.recv(timeout); }) == errc::end_of_stream);
        CHECK(b.send("answer", timeout) == 6);
        CHECK(a.recv(6, timeout).text() == "answer");
        CHECK(code_of([&] { a.send("more", timeout); }) == condition::broken);
        CHECK(a.is_open());
    }
}

// ---- release ----

TEST_CASE("descriptor: release gives the handle away with the bytes that were read ahead")
{
    auto [a, b] = raw_socketpair(SOCK_STREAM);
    const int number = a.get();
    duplex d(adopt(a.release()));
    write_all(b.get(), "0123456789");
    CHECK(d.recv(4, timeout).text() == "0123");
    auto [handle, rest] = d.release(timeout);
    unique_fd again(handle);
    CHECK(handle == number);
    CHECK(!d.is_open());
    CHECK(d.native_handle() == invalid_handle);
    CHECK(is_open(handle));
    // Together with what the kernel still has, nothing is lost.
    write_all(b.get(), "end");
    b.reset();
    CHECK(std::string(rest.text()) + read_to_end(handle) == "456789end");
    CHECK(code_of([&] { d.recv(timeout); }) == errc::closed);
    CHECK(code_of([&] { d.send("x", timeout); }) == errc::closed);
    CHECK(code_of([&] { (void)d.release(timeout); }) == errc::closed);
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
    auto [handle, rest] = m.release(timeout);
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
    r.recv_into(four, timeout);
    auto [handle, rest] = r.release(timeout);
    const unique_fd again(handle);
    CHECK(std::string(byte_view(four).text()) + std::string(rest.text()) == "0123456789");
}

TEST_CASE("descriptor: release does not give a descriptor away in the middle of a frame")
{
    auto [a, b] = socketpair(varint());
    const bytes large(std::string(8'000'000, 'x')); // more than the system takes
    CHECK(code_of([&, &d = a] { d.send(large, deadline::now()); }) == errc::timed_out);
    CHECK(code_of([&, &d = a] { (void)d.release(timeout); }) == errc::torn);
    CHECK(a.is_open());
    auto received = std::async(std::launch::async, [d = b]() mutable { return d.recv(timeout); });
    a.flush(timeout);
    CHECK(received.get() == large);
    const auto [handle, rest] = a.release(timeout);
    const unique_fd again(handle);
    CHECK(is_open(handle));
}

TEST_CASE("descriptor: release waits for an operation under way, until its limit")
{
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
    const auto [handle, rest] = a.release(timeout);
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

TEST_CASE("descriptor: closing answers a thread that waits, and frees the number after it has left")
{
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
