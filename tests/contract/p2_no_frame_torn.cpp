// P2: an interrupted send put nothing on the wire, or the rest follows before anything else.
#include "support/catch.hpp"
#include "support/faulty.hpp"
#include "support/transports.hpp"
#include "support/watchdog.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/message.hpp>
#include <ferrule/pair.hpp>

#include <future>
#include <thread>

namespace {

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;

enum class interruption : unsigned char { stop, deadline, failure, cancel };

const char* name(interruption i)
{
    static constexpr const char* names[] = {"stop token", "deadline", "failing call", "Asio cancellation"};
    return names[static_cast<std::size_t>(i)];
}

// Sends the samples, interrupted at call k, each message until it has been accepted; returns what arrived.
template <class Framing>
bytes send_interrupted(std::size_t k, transport t, style s, interruption i, bool& reached)
{
    connection l = connect(t);
    auto f = std::make_shared<faults>();
    f->most_written = 1 + k % 9;
    f->at = k;
    f->what = i == interruption::failure ? faults::fault::failure : faults::fault::would_block;
    std::stop_source stop;
    asio::cancellation_signal signal;
    f->also = [&] {
        if (i == interruption::stop)
            stop.request_stop();
        if (i == interruption::cancel)
            signal.emit(asio::cancellation_type::partial);
    };
    // A socket that is sent single bytes is full after a few hundred: somebody has to read.
    auto arrived =
        std::async(std::launch::async, [r = reader(std::move(l.receiver))]() mutable { return r.recv_all(20s); });
    {
        message_writer<Framing> w{descriptor(faulty(std::move(l.sender), f))};
        for (const bytes& m : sample_messages()) {
            for (bool accepted = false; !accepted;) {
                until limit;
                // A short write counts as "no room", so a deadline of now ends a send after each.
                if (!f->reached)
                    limit = i == interruption::stop       ? until(stop.get_token())
                            : i == interruption::deadline ? until(deadline::now())
                                                          : until();
                const auto o = send(s, w, m, limit, signal.slot());
                if (o.error) {
                    CHECK(o.error == (i == interruption::deadline  ? error_code(errc::timed_out)
                                      : i == interruption::failure ? f->failure
                                                                   : error_code(errc::cancelled)));
                }
                accepted = !o.error || o.value != 0; // in flight: the endpoint owns the rest
            }
        }
        w.flush(20s);
    }
    reached = f->reached;
    return arrived.get();
}

template <class Framing>
void interrupt_sends()
{
    const bytes expected = wire<Framing>(sample_messages());
    for (const transport t : all_transports)
        for (const style s : all_styles)
            for (const interruption i :
                 {interruption::stop, interruption::deadline, interruption::failure, interruption::cancel}) {
                if (i == interruption::cancel && s != style::callback)
                    continue;
                INFO(name(t) << ", " << name(s) << ", " << name(i));
                bool reached = true;
                for (std::size_t k = 0; reached; ++k) {
                    INFO("interrupted at call " << k);
                    REQUIRE(send_interrupted<Framing>(k, t, s, i, reached) == expected);
                }
            }
}

// A connection that takes a little and then nothing.
class clogged {
public:
    clogged(transport t, std::size_t room) : limits(std::make_shared<faults>()), ends_(connect(t))
    {
        limits->most_written = room;
        limits->at = 1;
        limits->what = faults::fault::would_block;
    }
    descriptor sender() { return faulty(std::move(ends_.sender), limits); }
    descriptor receiver() { return std::move(ends_.receiver); }

    std::shared_ptr<faults> limits;

private:
    connection ends_;
};

} // namespace

TEST_CASE("P2: frames arrive whole whatever interrupts a send, varint")
{
    const watchdog guard("P2 varint");
    interrupt_sends<varint>();
}

TEST_CASE("P2: frames arrive whole whatever interrupts a send, multiprocessing")
{
    const watchdog guard("P2 multiprocessing");
    interrupt_sends<multiprocessing_bytes>();
}

TEST_CASE("P2: the error says whether the frame was started, and how much had left")
{
    const watchdog guard("P2 report");
    for (const transport t : all_transports)
        for (const style s : all_styles) {
            INFO(name(t) << ", " << name(s));
            clogged c(t, 4);
            message_writer<> w(c.sender());
            reader r(c.receiver());
            // A send of nothing but the old tail is "not started".
            auto o = send(s, w, "0123456789", deadline::now());
            CHECK(o.error == errc::timed_out);
            CHECK(o.value == 4);
            c.limits->most_written = 3;
            c.limits->at = c.limits->calls + 1;
            o = send(s, w, "abc", deadline::now());
            CHECK(o.error == errc::timed_out);
            CHECK(o.value == 0);
            CHECK(r.recv(7) == byte_view("\x0a"
                                         "012345"));
            c.limits->most_written = SIZE_MAX;
            o = send(s, w, "abc");
            CHECK_FALSE(o.error);
            CHECK(o.value == 4);
            CHECK(r.recv(8) == byte_view("6789"
                                         "\x03"
                                         "abc"));
        }
}

TEST_CASE("P2: the tail goes out with flush, with close and while a receive of the same duplex waits")
{
    const watchdog guard("P2 tail");
    for (const transport t : two_way_transports) {
        INFO(name(t));
        {
            clogged c(t, 2);
            writer w(c.sender());
            CHECK_THROWS_AS(w.send("abcdef", deadline::now()), timeout_error);
            w.flush(20s);
            w.flush();
            CHECK(reader(c.receiver()).recv(6) == byte_view("abcdef"));
        }
        {
            clogged c(t, 2);
            writer w(c.sender());
            CHECK_THROWS_AS(w.send("abcdef", deadline::now()), timeout_error);
            CHECK(w.close(20s) == 0);
            CHECK(reader(c.receiver()).recv_all() == byte_view("abcdef"));
        }
        for (const style s : all_styles) {
            INFO(name(s));
            clogged c(t, 2);
            message_duplex<> d(c.sender());
            message_duplex<> peer(c.receiver());
            CHECK_THROWS_AS(d.send("request", deadline::now()), timeout_error);
            std::jthread answering([&] {
                CHECK(peer.recv(20s) == byte_view("request"));
                peer.send("reply", 20s);
            });
            const auto o = recv(s, d, 20s);
            CHECK_FALSE(o.error);
            CHECK(o.value == byte_view("reply"));
        }
    }
}

TEST_CASE("P2: a receive that waits already takes over the tail of a send that gives up later")
{
    const watchdog guard("P2 late tail");
    for (const style s : all_styles) {
        INFO(name(s));
        auto [a, b] = socketpair(varint{});
        const bytes large = pattern(8'000'000);
        std::jthread waiting([&, d = a]() mutable {
            const auto o = recv(s, d, 20s);
            CHECK(o.value == byte_view("reply"));
        });
        // Far more than the socket holds: part of it leaves.
        try {
            a.send(large, 20ms);
            FAIL("nobody reads");
        } catch (const timeout_error& e) {
            REQUIRE(e.in_flight());
        }
        CHECK(b.recv(20s) == large);
        b.send("reply");
    }
}

TEST_CASE("P2: close reports what did not leave, and destructors do not block")
{
    clogged c(transport::socketpair, 2);
    writer w(c.sender());
    CHECK_THROWS_AS(w.send("abcdef", deadline::now()), timeout_error);
    c.limits->at = c.limits->calls;
    CHECK(w.close() == 4);
    CHECK(reader(c.receiver()).recv_all() == byte_view("ab"));
}

TEST_CASE("P2: a coroutine that is destroyed while it sends leaves the rest to the endpoint")
{
    const watchdog guard("P2 destroyed");
    for (const transport t : all_transports) {
        INFO(name(t));
        clogged c(t, 3);
        message_writer<> w(c.sender());
        {
            asio::io_context context;
            asio::co_spawn(
                context,
                [](message_writer<> to) -> asio::awaitable<void> {
                    const bytes owned_by_the_frame(byte_view("0123456789"));
                    co_await to.async_send(owned_by_the_frame);
                }(w),
                asio::detached);
            context.run_one();
        }
        message_reader<> r(c.receiver());
        w.send("next");
        CHECK(r.recv(20s) == byte_view("0123456789"));
        CHECK(r.recv(20s) == byte_view("next"));
    }
}

TEST_CASE("P2: bytes that a send owns become the tail without a copy")
{
    clogged c(transport::socketpair, 2);
    writer w(c.sender());
    CHECK_THROWS_AS(w.send(bytes(byte_view("abcdef")), deadline::now()), timeout_error);
    w.flush(20s);
    CHECK(reader(c.receiver()).recv(6) == byte_view("abcdef"));
}
