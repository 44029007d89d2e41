// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

namespace {

bool can(descriptor d, direction dir)
{
    const auto impl = std::move(d).take();
    const bool yes = impl->can(dir);
    impl->close();
    return yes;
}

void expect_works(reader r, writer w)
{
    CHECK(w.send("works", timeout) == 5);
    CHECK(r.recv(5, timeout).text() == "works");
}

} // namespace

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
    const fifo file;
    unique_fd both = file.open(O_RDWR);
    unique_fd out = file.open(O_WRONLY);
    unique_fd in = file.open(O_RDONLY);

    expect_works(reader(duplicate(in.get())), writer(duplicate(out.get())));
    duplex d(adopt(both.release()));
    expect_works(d, d);
    CHECK(code_of([&] { d.shutdown_send(timeout); }) == errc::unsupported);
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
        CHECK(code_of([&] { d.recv(timeout); }) == errc::listening);
        CHECK(code_of([&] { d.recv(5, timeout); }) == errc::listening);
        CHECK(code_of([&] { m.recv(timeout); }) == errc::listening);
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
        CHECK(code_of([&] { d.send("x", timeout); }) == errc::listening);
    }
}
