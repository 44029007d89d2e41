// The marks and the end of the queue in front of a writer, byte by byte. Elsewhere another thread tells a context what is
// ready, so that a context that has nothing to do may have more to do in a moment.
#include <ferrule/buffered_writer.hpp>

#include "support/memory_pair.hpp"
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

// A connection that holds one byte, so that the peer decides byte by byte what leaves the queue. The context runs only
// when the test says so.
class trickle {
public:
    explicit trickle(std::size_t high = 100, std::size_t low = 20)
        : options(buffered_writer_options().water_marks(high, low).on_error([this](error_code ec, std::size_t n) {
              ++failures;
              failure = ec;
              lost = n;
          }))
    {
        auto ends = memory_pair(1);
        under = writer(std::move(ends.first));
        peer = reader(std::move(ends.second));
        out = buffered_writer(context->get_executor(), under, options);
    }

    /// Lets the context do what can be done now.
    void settle() const
    {
        do
            context->restart();
        while (context->poll() != 0);
    }
    /// The peer receives `n` bytes, one by one.
    std::string receive(std::size_t n)
    {
        std::string all;
        for (settle(); all.size() < n; settle())
            all += peer.recv(1, deadline::now()).text();
        return all;
    }
    /// To its end.
    std::string receive_all()
    {
        std::string all;
        settle();
        for (;; settle()) {
            error_code ec;
            all += peer.recv(1, deadline::now(), ec).text();
            if (ec == errc::end_of_stream)
                return all;
            REQUIRE((!ec || ec == condition::timeout)); // another thread may have to end it
        }
    }

    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
    int failures = 0;
    error_code failure;
    std::size_t lost = 0;
    buffered_writer_options options;
    writer under;
    reader peer;
    buffered_writer out;
};

std::string text(std::size_t n)
{
    return std::string(pattern(n).text());
}

outcome<std::size_t> drain(style s, buffered_writer& w, until limit = {})
{
    return call<std::size_t>(
        s,
        [&] {
            w.drain(limit);
            return std::size_t{0};
        },
        [&](auto... token) { return w.async_drain(limit, token...); });
}

outcome<std::size_t> flush(style s, buffered_writer& w, until limit = {})
{
    return call<std::size_t>(
        s,
        [&] {
            w.flush(limit);
            return std::size_t{0};
        },
        [&](auto... token) { return w.async_flush(limit, token...); });
}

} // namespace

// ---- the marks ----

TEST_CASE("buffered_writer: the queue takes what fits below the high-water mark, and then waits for the low one")
{
    trickle t;
    CHECK(t.out.send(text(99), deadline::now()) == 99);
    CHECK(t.out.try_drain());
    CHECK(t.out.try_send("x"));
    CHECK(t.out.unsent() == 100);
    CHECK_FALSE(t.out.try_drain());
    CHECK_FALSE(t.out.try_send("y"));

    CHECK(t.receive(78) == text(78)); // and one byte is on the way
    CHECK(t.out.unsent() == 21);
    CHECK_FALSE(t.out.try_drain());
    CHECK_FALSE(t.out.try_send("y"));
    t.receive(1);
    CHECK(t.out.unsent() == 20);
    CHECK(t.out.try_drain());
    CHECK(t.out.try_send("y"));
    CHECK(t.out.unsent() == 21);
    CHECK(t.receive(22) == text(99).substr(79) + "xy");
    CHECK(t.out.unsent() == 0);
}

TEST_CASE("buffered_writer: the queue that was never full takes more between the marks")
{
    trickle t;
    for (int i = 0; i < 50; ++i) {
        CHECK(t.out.try_send(text(2)));
        CHECK(t.out.try_drain());
        t.receive(1);
    }
    CHECK(t.out.unsent() == 49);
}

TEST_CASE("buffered_writer: a send that does not fit begins only at the low-water mark")
{
    trickle t;
    t.out.send(text(30));
    for (const style s : all_styles) {
        INFO(name(s));
        const auto o = send(s, t.out, text(71), deadline::now());
        CHECK(o.error == errc::timed_out);
        CHECK(o.value == 0);
        CHECK(t.out.unsent() == 30);
    }
    CHECK_FALSE(t.out.try_send("x")); // it must not overtake for ever
    t.receive(9);
    CHECK(t.out.unsent() == 20);
    CHECK(t.out.send(text(80), deadline::now()) == 80);
    CHECK(t.out.unsent() == 100);
}

TEST_CASE("buffered_writer: a send that never fits enters in pieces")
{
    trickle t;
    const std::string large = text(1000);
    auto sent = std::async(std::launch::async, [&] { return t.out.send(large, timeout); });
    std::string got;
    while (got.size() < large.size()) {
        CHECK(t.out.unsent() <= 100);
        t.settle();
        if (const auto one = t.peer.try_recv())
            got += one->text();
    }
    CHECK(got == large);
    CHECK(sent.get() == 1000);
}

TEST_CASE("buffered_writer: a send in pieces that is given up goes on before anything else")
{
    trickle t;
    for (const style s : all_styles) {
        INFO(name(s));
        const auto o = send(s, t.out, text(150), deadline::now());
        CHECK(o.error == errc::timed_out);
        CHECK(o.value == 100);
        CHECK(t.out.unsent() == 150);
        CHECK(t.receive(80) == text(80));
        CHECK(t.out.try_send("next"));
        CHECK(t.receive(74) == text(150).substr(80) + "next");
        t.settle();
    }
}

TEST_CASE("buffered_writer: marks of one and zero make every send wait for the one before")
{
    trickle t(1, 0);
    CHECK(t.out.try_send("a"));
    CHECK_FALSE(t.out.try_drain());
    CHECK_FALSE(t.out.try_send("b"));
    t.settle();
    CHECK(t.out.try_drain());
    CHECK(t.out.try_send("b"));
    CHECK(t.receive(2) == "ab");
}

TEST_CASE("buffered_writer: a send copies, so that the memory may be used again")
{
    trickle t;
    std::string mine = "first";
    t.out.send(mine);
    mine = "again";
    t.out.send(mine);
    CHECK(t.receive(10) == "firstagain");
}

// ---- waiting ----

TEST_CASE("buffered_writer: drains and sends wait for the low-water mark, in every style")
{
    for (const style s : all_styles) {
        INFO(name(s));
        trickle t;
        t.out.send(text(100));
        CHECK(drain(s, t.out, deadline::now()).error == condition::timeout);
        auto drained = std::async(std::launch::async, [&] { return drain(s, t.out, timeout); });
        auto sent = std::async(std::launch::async, [&] { return send(s, t.out, text(30), timeout); });
        t.receive(78);
        CHECK(drained.wait_for(0s) == std::future_status::timeout);
        CHECK(sent.wait_for(0s) == std::future_status::timeout);
        t.receive(1);
        CHECK_FALSE(drained.get().error);
        CHECK_FALSE(sent.get().error);
        CHECK(t.out.unsent() == 50);
    }
}

TEST_CASE("buffered_writer: several coroutines drain at once")
{
    trickle t;
    t.out.send(text(100));
    int drained = 0;
    for (int i = 0; i < 3; ++i)
        asio::co_spawn(*t.context, t.out.async_drain(), [&](std::exception_ptr e, std::size_t) { drained += !e; });
    t.receive(78);
    CHECK(drained == 0);
    t.receive(1);
    CHECK(drained == 3);
}

TEST_CASE("buffered_writer: whoever gives up waiting leaves the queue as it was")
{
    trickle t;
    t.out.send(text(100));
    std::stop_source stop;
    stop.request_stop();
    for (const style s : all_styles) {
        INFO(name(s));
        CHECK(drain(s, t.out, 1ms).error == condition::timeout);
        CHECK(send(s, t.out, "never", 1ms).error == condition::timeout);
        CHECK(send(s, t.out, "never", until(stop.get_token())).error == condition::cancelled);
        CHECK(flush(s, t.out, 1ms).error == condition::timeout);
    }
    error_code ec;
    asio::cancellation_signal cancel;
    t.out.async_send("never", asio::bind_cancellation_slot(
                                  cancel.slot(), asio::bind_executor(*t.context, [&](error_code e, std::size_t n) {
                                      ec = e;
                                      CHECK(n == 0);
                                  })));
    t.settle();
    cancel.emit(asio::cancellation_type::partial);
    t.settle();
    CHECK(ec == errc::cancelled);
    CHECK(t.out.unsent() == 99);
    CHECK(t.receive(100) == text(100));
    t.settle();
    CHECK_FALSE(t.peer.try_recv());
}

TEST_CASE("buffered_writer: a flush waits until the last byte has left")
{
    for (const style s : all_styles) {
        INFO(name(s));
        trickle t;
        t.out.send(text(10));
        t.receive(8);
        CHECK(flush(s, t.out, deadline::now()).error == errc::timed_out);
        CHECK_FALSE(t.out.try_flush());
        auto flushed = std::async(std::launch::async, [&] { return flush(s, t.out, timeout); });
        CHECK(flushed.wait_for(0s) == std::future_status::timeout);
        t.receive(1);
        CHECK_FALSE(flushed.get().error);
        CHECK(t.out.try_flush());
    }
}

// ---- the end ----

TEST_CASE("buffered_writer: a half-close follows the queue, even if nobody waits for it")
{
    trickle t;
    t.out.send(text(10));
    t.out.send("queued behind it");
    CHECK(code_of([&] { t.out.shutdown_send(deadline::now()); }) == condition::timeout);
    CHECK(code_of([&] { t.out.send("late"); }) == condition::broken);
    CHECK(t.receive_all() == text(10) + "queued behind it");
    t.out.shutdown_send();
    CHECK(t.failures == 0);
}

TEST_CASE("buffered_writer: the queue outlives its handles, and then the connection is closed")
{
    trickle t;
    t.out.send(text(50));
    t.under = {};
    t.out = {};
    CHECK(t.receive_all() == text(50));
    CHECK(t.failures == 0);
}

TEST_CASE("buffered_writer: close reports what has not left, which leaves nevertheless")
{
    trickle t;
    t.out.send(text(50));
    t.receive(9);
    t.under = {};
    CHECK(t.out.close() == 40);
    CHECK(code_of([&] { t.out.send("late"); }) == errc::closed);
    CHECK(code_of([&] { t.out.drain(); }) == errc::closed);
    CHECK(t.out.close() == 0);
    CHECK(t.receive_all() == text(50).substr(9));
    CHECK(t.failures == 0);
}

TEST_CASE("buffered_writer: a close that may wait reports that all has left")
{
    for (const style s : all_styles) {
        INFO(name(s));
        trickle t;
        t.out.send(text(50));
        t.under = {};
        auto unsent = std::async(std::launch::async, [&] {
            return call<std::size_t>(
                s, [&] { return t.out.close(timeout); },
                [&](auto... token) { return t.out.async_close(until(timeout), token...); });
        });
        CHECK(t.receive_all() == text(50));
        CHECK(unsent.get().value == 0);
    }
}

TEST_CASE("buffered_writer: the endpoint beneath stays open for its other handles")
{
    trickle t;
    t.out.send("queued ");
    t.out.close();
    CHECK(t.receive(7) == "queued ");
    t.under.send("x");
    CHECK(t.receive(1) == "x");
}

TEST_CASE("buffered_writer: closing the endpoint beneath drops the queue")
{
    trickle t;
    t.out.send(text(50));
    t.receive(9);
    t.out = {};
    t.under.close();
    CHECK(t.receive_all().size() == 1);
    CHECK(t.failures == 1);
    CHECK(t.failure == errc::closed);
    CHECK(t.lost == 40);
}

// ---- errors ----

TEST_CASE("buffered_writer: after an error every call reports it, and how many bytes were lost")
{
    for (const style s : all_styles) {
        INFO(name(s));
        trickle t;
        t.out.send(text(50));
        t.receive(9);
        t.out.send(text(10));
        t.peer.close();
        t.settle();
        CHECK(t.failures == 1);
        CHECK(t.failure == condition::broken);
        CHECK(t.lost == 50);
        CHECK(t.out.unsent() == 50);
        for (int again = 0; again < 2; ++again) {
            const auto o = send(s, t.out, "late", timeout);
            CHECK(o.error == condition::broken);
            CHECK(o.value == 0);
            CHECK(drain(s, t.out, timeout).error == condition::broken);
            CHECK(flush(s, t.out, timeout).error == condition::broken);
        }
        CHECK_THROWS_AS(t.out.try_send("late"), broken_error);
        CHECK_THROWS_AS(t.out.try_drain(), broken_error);
        CHECK_THROWS_AS(t.out.shutdown_send(), broken_error);
        CHECK(t.out.close(timeout) == 50);
        t.settle();
        CHECK(t.failures == 1);
    }
}

TEST_CASE("buffered_writer: an error wakes whoever waits")
{
    for (const style s : all_styles) {
        INFO(name(s));
        trickle t;
        t.out.send(text(100));
        auto sent = std::async(std::launch::async, [&] { return send(s, t.out, "x", timeout); });
        auto drained = std::async(std::launch::async, [&] { return drain(s, t.out, timeout); });
        t.settle();
        t.peer.close();
        t.settle();
        CHECK(sent.get().error == condition::broken);
        CHECK(drained.get().error == condition::broken);
    }
}

TEST_CASE("buffered_writer: an error after the last handle has gone is reported to the function")
{
    trickle t;
    t.out.send(text(50));
    t.under = {};
    t.out = {};
    t.receive(9);
    t.peer.close();
    t.settle();
    CHECK(t.failures == 1);
    CHECK(t.failure == condition::broken);
    CHECK(t.lost == 40);
}

TEST_CASE("buffered_writer: a context that ends takes the queue along, and says so")
{
    for (const bool begun : {false, true}) {
        INFO(begun);
        trickle t;
        t.out.send(text(100));
        if (begun)
            t.settle();
        auto sent = std::async(std::launch::async, [&] { return code_of([&] { t.out.send("x", timeout); }); });
        t.context.reset();
        CHECK(sent.get() == errc::closed);
        CHECK(t.failures == 1);
        CHECK(t.failure == errc::closed);
        CHECK(t.lost == (begun ? 99 : 100));
        CHECK(t.out.unsent() == t.lost);
        CHECK(code_of([&] { t.out.drain(); }) == errc::closed);
    }
}

TEST_CASE("buffered_writer: a context that ends after the last handle has gone says what is lost")
{
    trickle t;
    t.out.send(text(100));
    t.settle();
    t.under = {};
    t.out = {};
    t.context.reset();
    CHECK(t.failures == 1);
    CHECK(t.lost == 99);
    CHECK(t.peer.recv_all(timeout).size() == 1);
}

// ---- fork ----

TEST_CASE("buffered_writer: a forked child leaves the queue to its parent")
{
    auto [mine, peer] = socketpair();
    asio::io_context context;
    buffered_writer out(context.get_executor(), mine, buffered_writer_options().water_marks(4));
    out.send("once");
    CHECK(in_child([&] {
              if (code_of([&] { out.send("twice"); }) != errc::forked)
                  return 1;
              if (code_of([&] { out.drain(); }) != errc::forked)
                  return 2;
              if (code_of([&] { out.shutdown_send(); }) != errc::forked)
                  return 3;
              out.close();
              out = {};
              return 0;
          }) == 0);
    CHECK_FALSE(out.try_drain());
    context.run();
    CHECK(out.try_drain());
    CHECK(out.unsent() == 0);
    out.close();
    mine.close();
    CHECK(peer.recv_all(timeout).text() == "once");
}
