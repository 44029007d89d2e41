// P7: what is shared with others through the open file description stays as it was, whatever is done.

#include "support/posix/transport.hpp"
#include "support/test.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace {

struct line {
    // One description, seen twice: by ferrule and by somebody else.
    unique_fd in, out;
    reader r;
    writer w;

    [[nodiscard]] std::pair<int, int> flags() const
    {
        return {::fcntl(in.get(), F_GETFL), ::fcntl(out.get(), F_GETFL)};
    }
};

line make_line(transport t, bool nonblocking)
{
    auto raw = raw_ends(t);
    line l{std::move(raw.first), std::move(raw.second), {}, {}};
    for (const int fd : {l.in.get(), l.out.get()}) {
        const int flags = ::fcntl(fd, F_GETFL);
        REQUIRE(::fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0);
    }
    l.r = reader(duplicate(l.in.get()));
    l.w = writer(duplicate(l.out.get()));
    return l;
}

} // namespace

TEST_CASE("descriptor: flags of a shared open file description are never changed")
{
    const auto t = GENERATE(transport::pipe, transport::socketpair, transport::tcp);
    const bool nonblocking = GENERATE(false, true);
    CAPTURE(name(t), nonblocking);
    line l = make_line(t, nonblocking);
    const auto before = l.flags();

    SECTION("by a thread that waits to receive")
    {
        std::promise<pid_t> id;
        auto received = std::async(std::launch::async, [&] {
            id.set_value(thread_id());
            return std::string(l.r.recv(3).text());
        });
        until_waiting(id.get_future().get());
        CHECK(l.flags() == before);
        write_all(l.out.get(), "abc"); // the other owner's
        CHECK(received.get() == "abc");
        CHECK(l.flags() == before);
        CHECK_THROWS_AS(l.r.recv(1ms), timeout_error);
        CHECK(!l.r.try_recv());
        CHECK(l.flags() == before);
    }
    SECTION("by a thread that waits to send")
    {
        const std::size_t filled = fill(l.out.get());
        CHECK(l.flags() == before);
        std::promise<pid_t> id;
        auto sent = std::async(std::launch::async, [&] {
            id.set_value(thread_id());
            return l.w.send("abc");
        });
        until_waiting(id.get_future().get());
        CHECK(l.flags() == before);
        CHECK(l.r.recv(filled + 3).text().substr(filled) == "abc");
        CHECK(sent.get() == 3);
        CHECK(l.flags() == before);
    }
    SECTION("by a coroutine that waits to receive")
    {
        asio::io_context ctx;
        auto got = asio::co_spawn(ctx, l.r.async_recv(3), asio::use_future);
        ctx.poll();
        CHECK(l.flags() == before);
        write_all(l.out.get(), "abc");
        ctx.run();
        CHECK(got.get().text() == "abc");
        CHECK(l.flags() == before);
    }
    SECTION("by a coroutine that waits to send")
    {
        const std::size_t filled = fill(l.out.get());
        asio::io_context ctx;
        auto sent = asio::co_spawn(ctx, l.w.async_send("abc"), asio::use_future);
        ctx.poll();
        CHECK(l.flags() == before);
        CHECK(l.r.recv(filled).size() == filled);
        ctx.run();
        CHECK(sent.get() == 3);
        CHECK(l.r.recv(3).text() == "abc");
        CHECK(l.flags() == before);
    }
    SECTION("by closing")
    {
        l.r.close();
        l.w.close();
        CHECK(l.flags() == before);
        write_all(l.out.get(), "abc");
        CHECK(read_n(l.in.get(), 3) == "abc");
    }
    SECTION("by borrowing")
    {
        reader r(borrow(l.in.get()));
        writer w(borrow(l.out.get()));
        CHECK_THROWS_AS(r.recv(1ms), timeout_error);
        asio::io_context ctx;
        auto got = asio::co_spawn(ctx, r.async_recv(3), asio::use_future);
        ctx.poll();
        CHECK(l.flags() == before);
        w.send("abc");
        ctx.run();
        CHECK(got.get().text() == "abc");
        CHECK(l.flags() == before);
    }
}

TEST_CASE("descriptor: wrapping changes no flag of the open file description")
{
    const auto t = GENERATE(transport::pipe, transport::socketpair, transport::tcp);
    const bool nonblocking = GENERATE(false, true);
    CAPTURE(name(t), nonblocking);
    const line l = make_line(t, nonblocking);
    const auto expect_flags = [&] {
        const int wanted = nonblocking ? O_NONBLOCK : 0;
        CHECK((l.flags().first & O_NONBLOCK) == wanted);
        CHECK((l.flags().second & O_NONBLOCK) == wanted);
    };
    expect_flags(); // after `duplicate`
    const reader borrowed(borrow(l.in.get()));
    const writer borrowed_too(borrow(l.out.get()));
    expect_flags();
    const reader adopted(adopt(::fcntl(l.in.get(), F_DUPFD_CLOEXEC, 0)));
    const writer adopted_too(adopt(::fcntl(l.out.get(), F_DUPFD_CLOEXEC, 0)));
    expect_flags();
}

TEST_CASE("descriptor: a description that others made non-blocking is waited for all the same")
{
    const auto t = GENERATE(transport::pipe, transport::socketpair, transport::tcp);
    CAPTURE(t);
    line l = make_line(t, true);
    std::promise<pid_t> id;
    auto received = std::async(std::launch::async, [&] {
        id.set_value(thread_id());
        return std::string(l.r.recv(3).text());
    });
    until_waiting(id.get_future().get()); // it sleeps: it does not spin
    l.w.send("abc");
    CHECK(received.get() == "abc");
}
