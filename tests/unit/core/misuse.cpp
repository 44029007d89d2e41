// Bad use and bad peers: typed errors, and a stream that is as it was.

#include "support/raw_link.hpp"
#include "support/test.hpp"

// ---- lengths ----

TEST_CASE("misuse: a negative length is an error and takes nothing")
{
    raw_link w;
    write_all(w.peer.get(), "abc");
    for (const std::ptrdiff_t n : {std::ptrdiff_t{-1}, std::ptrdiff_t{-1000}, PTRDIFF_MIN}) {
        const auto size = static_cast<std::size_t>(n);
        CHECK(code_of([&] { w.mine.recv(size, timeout); }) == errc::invalid_argument);
        CHECK(code_of([&] { w.mine.recv(size, deadline::now()); }) == errc::invalid_argument);
        error_code ec;
        CHECK(w.mine.recv(size, timeout, ec).empty());
        CHECK(ec == errc::invalid_argument);
        CHECK(code_of([&] { run(w.mine.async_recv(size)); }) == errc::invalid_argument);
    }
    CHECK_THROWS_AS(w.mine.recv(SIZE_MAX), usage_error);
    CHECK(w.mine.recv(3, timeout).text() == "abc");
}

// ---- handles that are not there ----

TEST_CASE("misuse: a handle that was moved from is closed")
{
    raw_link w;
    const duplex kept = std::move(w.mine);
    duplex& gone = w.mine;
    const auto nobody = GENERATE(false, true);
    duplex fresh;
    duplex& d = nobody ? fresh : gone;
    CHECK(!d.is_open());
    CHECK(d.native_handle() == invalid_handle);
    CHECK(d.close() == 0);
    CHECK_THROWS_AS(d.recv(timeout), closed_error);
    CHECK_THROWS_AS(d.recv(1, timeout), closed_error);
    CHECK_THROWS_AS(d.try_recv(), closed_error);
    CHECK_THROWS_AS(d.recv_line(timeout), closed_error);
    CHECK_THROWS_AS(d.recv_all(timeout), closed_error);
    CHECK_THROWS_AS(d.take_partial(timeout), closed_error);
    CHECK_THROWS_AS(d.send("x", timeout), closed_error);
    CHECK_THROWS_AS(d.flush(timeout), closed_error);
    CHECK_THROWS_AS(d.shutdown_send(timeout), closed_error);
    CHECK_THROWS_AS(d.release(timeout), closed_error);
    CHECK_THROWS_AS(d.inheritable(), closed_error);
    CHECK_THROWS_AS(d.set_inheritable(true), closed_error);
    CHECK_THROWS_AS(run(d.async_recv()), closed_error);
    CHECK_THROWS_AS(run(d.async_send("x")), closed_error);
    CHECK_FALSE(reader(d).is_open());
    CHECK(kept.is_open());
}

TEST_CASE("misuse: calls with an error_code report a missing handle in it, too")
{
    duplex d;
    message_duplex<> m;
    error_code ec;
    CHECK_NOTHROW(d.recv(timeout, ec));
    CHECK(ec == errc::closed);
    ec.clear();
    CHECK_NOTHROW(d.recv(1, timeout, ec));
    CHECK(ec == errc::closed);
    ec.clear();
    CHECK_NOTHROW(d.send("x", timeout, ec));
    CHECK(ec == errc::closed);
    ec.clear();
    CHECK_NOTHROW(m.recv(timeout, ec));
    CHECK(ec == errc::closed);
    ec.clear();
    CHECK_NOTHROW(m.send("x", timeout, ec));
    CHECK(ec == errc::closed);
}

TEST_CASE("misuse: everything on a closed endpoint says that it is closed")
{
    raw_link w;
    duplex& d = w.mine;
    message_duplex<> m(d);
    write_all(w.peer.get(), "unread");
    CHECK(d.recv(1, timeout).size() == 1); // some of it is buffered
    d.close();
    CHECK(code_of([&] { d.recv(timeout); }) == errc::closed);
    CHECK(code_of([&] { d.recv(1, timeout); }) == errc::closed);
    CHECK(code_of([&] { d.try_recv(); }) == errc::closed);
    CHECK(code_of([&] { d.recv_line(timeout); }) == errc::closed);
    CHECK(code_of([&] { d.recv_all(timeout); }) == errc::closed);
    CHECK(code_of([&] { d.send("x", timeout); }) == errc::closed);
    CHECK(code_of([&] { d.flush(timeout); }) == errc::closed);
    CHECK(code_of([&] { d.shutdown_send(timeout); }) == errc::closed);
    CHECK(code_of([&] { m.recv(timeout); }) == errc::closed);
    CHECK(code_of([&] { m.send("x", timeout); }) == errc::closed);
    CHECK(code_of([&] { run(d.async_recv()); }) == errc::closed);
    CHECK(code_of([&] { run(d.async_send("x")); }) == errc::closed);
    CHECK(code_of([&] { run(m.async_recv()); }) == errc::closed);
    CHECK(code_of([&] { run(m.async_send("x")); }) == errc::closed);
    CHECK(code_of([&] { reader(d).recv(timeout); }) == errc::closed);
    error_code ec;
    d.recv(timeout, ec);
    CHECK(ec == errc::closed);
    d.send("x", timeout, ec);
    CHECK(ec == errc::closed);

    asio::io_context ctx;
    auto received = d.async_recv(asio::bind_executor(ctx, asio::use_future));
    auto sent = m.async_send("x", asio::bind_executor(ctx, asio::use_future));
    ctx.run();
    for (const bool sending : {false, true}) {
        try {
            if (sending)
                sent.get();
            else
                received.get();
            FAIL("succeeded");
        } catch (const boost::system::system_error& e) {
            CHECK(e.code() == errc::closed);
        }
    }
}
