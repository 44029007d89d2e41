// Making and handing over ends, children and handles when memory or descriptors run out at any point: nothing leaks, and what was the
// caller's still is.
#include "contract/posix/shortage.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/process/handle_link.hpp>

#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("exhaustion: making both ends")
{
    const std::pair<const char*, std::function<void()>> calls[] = {
        {"pipe", [] { auto p = pipe(); }},
        {"pipe of messages", [] { auto p = pipe(lines("a long end of a line, which is memory of its own")); }},
        {"socketpair", [] { auto p = socketpair(); }},
        {"socketpair of messages", [] { auto p = socketpair(varint()); }},
        {"links", [] { auto p = handle_link_pair(); }},
    };
    for (const auto& [what, call] : calls)
        with_each_shortage(what, [&, &make = call](shortage& s) { CHECK(s.explains(s.during(make))); });
}

namespace {

// Calls `make(fd)` for a FIFO, of which the library opens another description, and for a socket. Whether the number is to be closed
// by the caller afterwards.
template <class Make>
void with_each_kind(const std::string& what, bool (*is_callers)(bool made), Make make)
{
    const fifo named;
    for (const bool is_socket : {false, true}) {
        with_each_shortage(what + (is_socket ? " a socket" : " a FIFO"), [&](shortage& s) {
            unique_fd peer;
            int fd = -1;
            if (is_socket) {
                auto [a, b] = raw_socketpair(SOCK_STREAM);
                fd = a.release();
                peer = std::move(b);
            } else
                fd = named.open(O_RDWR).release();
            const error_code ec = s.during([&] { make(fd); });
            CHECK(s.explains(ec));
            CHECK(is_open(fd) == is_callers(!ec));
            if (is_open(fd))
                ::close(fd);
        });
    }
}

} // namespace

TEST_CASE("exhaustion: a handle that no endpoint has taken over is still the caller's")
{
    const auto unless_made = [](bool made) { return !made; };
    const auto always = [](bool) { return true; };
    with_each_kind("adopting", unless_made, [](int fd) { reader r(adopt(fd)); });
    with_each_kind("adopting for writing", unless_made, [](int fd) { writer r(adopt(fd)); });
    with_each_kind("adopting for both", unless_made, [](int fd) { duplex r(adopt(fd)); });
    const lines framing("a long end of a line, which is memory of its own");
    with_each_kind("adopting for messages", unless_made, [&](int fd) {
        lines copy = framing;
        message_duplex d(adopt(fd), std::move(copy));
    });
    with_each_kind("adopting for reading messages", unless_made, [](int fd) { message_reader<> d(adopt(fd)); });
    with_each_kind("adopting for writing messages", unless_made, [](int fd) { message_writer<> d(adopt(fd)); });
    with_each_kind("duplicating", always, [](int fd) { duplex d(duplicate(fd)); });
    with_each_kind("borrowing", always, [](int fd) { duplex d(borrow(fd)); });
}

TEST_CASE("exhaustion: a link that cannot be made leaves its socket to the caller")
{
    with_each_shortage("open_handle_link", [](shortage& s) {
        auto [a, b] = raw_socketpair(SOCK_STREAM);
        const int fd = a.release();
        const error_code ec = s.during([&] { auto link = open_handle_link(fd); });
        CHECK(s.explains(ec));
        CHECK(is_open(fd) == static_cast<bool>(ec));
        if (ec)
            ::close(fd);
    });
}

TEST_CASE("exhaustion: joining two ends that fails leaves both as they were")
{
    with_each_shortage("join", [](shortage& s) {
        auto in = pipe();
        auto out = pipe();
        in.second.send("hello");
        (void)code_of([&] { (void)in.first.recv(10, 0s); }); // now it is read ahead
        std::optional<duplex> joined;
        const error_code ec = s.during([&] { joined.emplace(in.first, out.second); });
        CHECK(s.explains(ec));
        CHECK(in.first.is_open() == static_cast<bool>(ec));
        CHECK(out.second.is_open() == static_cast<bool>(ec));
        CHECK((joined ? joined->recv(5, 10s) : in.first.recv(5, 10s)).text() == "hello");
        if (joined)
            joined->send("answer", 10s);
        else
            out.second.send("answer", 10s);
        CHECK(out.first.recv(6, 10s).text() == "answer");
    });
}

TEST_CASE("exhaustion: giving a handle away, asking and looking need little, and lose nothing")
{
    with_each_shortage("release and others", [](shortage& s) {
        auto [a, b] = socketpair();
        b.send("hello");
        (void)code_of([&, &e = a] { (void)e.recv(10, 0s); }); // now it is read ahead
        error_code ec;
        std::pair<native_handle_type, bytes> given;
        bytes peeked;
        const error_code thrown = s.during([&, &e = a] {
            (void)e.arm(direction::read);
            e.disarm(direction::read);
            (void)e.inheritable();
            (void)e.try_flush();
            peeked = e.peek_partial(0s, ec);
            if (!ec)
                given = e.release(0s, ec);
        });
        CHECK(!thrown);
        CHECK(s.explains(ec));
        if (!ec)
            CHECK(peeked.text() == "hello");
        else
            given = a.release(0s);
        CHECK(given.second.text() == "hello");
        ::close(given.first);
    });
    with_each_shortage("take_partial", [](shortage& s) {
        auto [a, b] = socketpair(varint());
        b.as_bytes().send("\x08half");
        (void)code_of([&, &e = a] { (void)e.recv(0s); });
        error_code ec;
        bytes taken;
        const error_code thrown = s.during([&, &e = a] { taken = e.take_partial(0s, ec); });
        CHECK(!thrown);
        CHECK(s.explains(ec));
        CHECK(std::string(taken.text()) + std::string(a.take_partial(0s).text()) == "\x08half");
    });
}

TEST_CASE("exhaustion: try_recv and try_send")
{
    with_each_shortage("try_recv", [](shortage& s) {
        auto [a, b] = socketpair(varint());
        b.send("hello");
        std::optional<bytes> got;
        CHECK(s.explains(s.during([&, &e = a] { got = e.try_recv(); })));
        CHECK((got ? std::move(*got) : a.recv(10s)).text() == "hello");
    });
    with_each_shortage("try_send", [](shortage& s) {
        auto [a, b] = socketpair(varint());
        bool sent = false;
        CHECK(s.explains(s.during([&, &e = a] { sent = e.try_send("hello"); })));
        a.send("next", 10s);
        if (sent)
            CHECK(b.recv(10s).text() == "hello");
        CHECK(b.recv(10s).text() == "next");
    });
}

// ---- handles ----

TEST_CASE("exhaustion: a handle is sent whole or not at all")
{
    with_each_shortage("sending a handle", [](shortage& s) {
        auto [mine, theirs] = handle_link_pair();
        message_duplex<> from(mine.socket);
        message_duplex<> to(theirs.socket);
        auto given = pipe();
        const error_code ec =
            s.during([&, &link = mine] { from.with(link.handles).send(passed_handle(given.second), 10s); });
        CHECK(s.explains(ec));
        from.send("next", 10s);
        if (!ec) {
            passed_handle h = to.with(theirs.handles).recv(10s);
            writer(h.open()).send("through it");
            CHECK(given.first.recv(10s).text() == "through it");
        }
        CHECK(to.recv(10s).text() == "next");
    });
}

TEST_CASE("exhaustion: a handle that cannot be received for lack of memory can be received later")
{
    for (const bool named : {false, true}) {
        with_each_shortage("receiving a handle", [&](shortage& s) {
            auto [mine, theirs] = handle_link_pair();
            message_duplex<> from(mine.socket);
            message_duplex<> to(theirs.socket);
            auto given = pipe();
            from.with(mine.handles).send(passed_handle(given.second, named ? "lines" : ""), 10s);
            from.send("after", 10s);
            std::optional<passed_handle> h;
            CHECK(s.explains(s.during([&, &link = theirs] { h = to.with(link.handles).recv(10s); })));
            if (!h)
                h = to.with(theirs.handles).recv(10s);
            writer(h->open()).send("through it");
            CHECK(given.first.recv(10s).text() == "through it");
            CHECK(to.recv(10s).text() == "after");
        });
    }
}

// ---- without a single descriptor ----

namespace {

// Nothing that the library calls to make a descriptor succeeds.
class refused_descriptors {
    scarcity none_{resource::descriptors, 1, UINT64_MAX};
};

template <class Without>
void receive_what_is_there()
{
    for (const auto way : {"this thread", "a new thread", "a handler", "a coroutine"}) {
        for (const bool read_short : {false, true}) { // then it is known that a read would probably find nothing
            CAPTURE(way, read_short);
            const std::string_view w = way;
            auto [a, b] = socketpair(varint());
            if (read_short) {
                b.send("first");
                CHECK(a.recv(10s).text() == "first");
            }
            b.send("there already");
            boost::asio::io_context context; // fresh: it has no reactor yet, and must not need one for this
            std::string got;
            if (w == "this thread") {
                const Without none;
                got = a.recv(10s).text();
            } else if (w == "a new thread") {
                std::thread([&, &e = a] {
                    const Without none;
                    got = e.recv(10s).text();
                }).join();
            } else if (w == "a handler") {
                const Without none;
                a.async_recv(10s, boost::asio::bind_executor(
                                      context, [&](error_code, const bytes& m) { got = std::string(m.text()); }));
                context.run();
            } else {
                const auto body = [&, &e = a]() -> boost::asio::awaitable<void> {
                    const bytes m = co_await e.async_recv(10s);
                    got = std::string(m.text());
                };
                const Without none;
                boost::asio::co_spawn(context, body(), [](const std::exception_ptr& e) {
                    if (e)
                        std::rethrow_exception(e);
                });
                context.run();
            }
            CHECK(got == "there already");
            const Without none;
            a.send("and back", 10s);
            CHECK(b.recv(10s).text() == "and back");
        }
    }
}

} // namespace

TEST_CASE("exhaustion: what is there already can be received without a descriptor")
{
    receive_what_is_there<refused_descriptors>();
#if !defined(FERRULE_ADDRESS_SANITIZER) // whose check of virtual calls needs descriptors
    receive_what_is_there<no_more_descriptors>();
#endif
}
