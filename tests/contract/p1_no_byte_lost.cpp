// P1: ending a read at any step leaves the stream as an uninterrupted reader would have found it.
#include "support/catch.hpp"
#include "support/faulty.hpp"
#include "support/transports.hpp"
#include "support/watchdog.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/message.hpp>

namespace {

using namespace ferrule;
using namespace ferrule::test;

enum class interruption : unsigned char { stop, deadline, failure, cancel };

const char* name(interruption i)
{
    static constexpr const char* names[] = {"stop token", "deadline", "failing call", "Asio cancellation"};
    return names[static_cast<std::size_t>(i)];
}

// Reads with `receive` until it has reported the end, interrupting it at call `k`. False once k is past the last call.
template <class Result, class Receive>
bool interrupted_at(std::size_t k, transport t, style s, interruption i, const bytes& sent, Result& got,
                    Receive receive)
{
    connection l = connect(t);
    {
        writer w(std::move(l.sender));
        w.send(sent, std::chrono::seconds(20));
    }
    auto f = std::make_shared<faults>();
    f->most_read = 1 + k % 9;
    f->at = k;
    f->what = i == interruption::failure ? faults::fault::failure : faults::fault::would_block;
    std::stop_source stop;
    asio::cancellation_signal signal;
    f->also = [&] {
        if (i == interruption::stop)
            stop.request_stop();
        if (i == interruption::cancel)
            signal.emit(asio::cancellation_type::terminal);
    };
    reader r{descriptor(faulty(std::move(l.receiver), f))};
    bool was_interrupted = false;
    for (int call = 0;; ++call) {
        REQUIRE(call < 100);
        const bool first_try = !f->reached;
        until limit;
        if (i == interruption::stop && first_try)
            limit = stop.get_token();
        if (i == interruption::deadline && first_try)
            limit = deadline::now();
        const error_code ec = receive(r, s, limit, signal, got);
        if (!ec)
            continue;
        if (ec == errc::end_of_stream)
            break;
        REQUIRE_FALSE(was_interrupted);
        was_interrupted = true;
        switch (i) {
        case interruption::stop:
        case interruption::cancel: CHECK(ec == errc::cancelled); break;
        case interruption::deadline: CHECK(ec == errc::timed_out); break;
        case interruption::failure: CHECK(ec == f->failure); break;
        }
    }

    // An awaitable tries twice, so a single refusal need not end it.
    if (f->reached && !(i == interruption::deadline && s == style::awaitable))
        CHECK(was_interrupted);
    return f->reached;
}

template <class Framing>
void interrupt_messages()
{
    const auto messages = sample_messages();
    const bytes sent = wire<Framing>(messages);
    for (const transport t : all_transports)
        for (const style s : all_styles)
            for (const interruption i :
                 {interruption::stop, interruption::deadline, interruption::failure, interruption::cancel}) {
                if (i == interruption::cancel && s != style::callback)
                    continue;
                INFO(name(t) << ", " << name(s) << ", " << name(i));
                for (std::size_t k = 0;; ++k) {
                    std::vector<bytes> got;
                    const bool reached = interrupted_at(k, t, s, i, sent, got,
                                                        [](reader& r, style how, const until& limit,
                                                           asio::cancellation_signal& signal, std::vector<bytes>& all) {
                                                            message_reader<Framing> m(r);
                                                            outcome<bytes> o = recv(how, m, limit, signal.slot());
                                                            if (!o.error)
                                                                all.push_back(std::move(o.value));
                                                            return o.error;
                                                        });
                    INFO("interrupted at call " << k);
                    REQUIRE(got == messages);
                    if (!reached)
                        break;
                }
            }
}

} // namespace

TEST_CASE("P1: messages are read whole whatever interrupts a read, varint")
{
    const watchdog guard("P1 varint");
    interrupt_messages<varint>();
}

TEST_CASE("P1: messages are read whole whatever interrupts a read, multiprocessing")
{
    const watchdog guard("P1 multiprocessing");
    interrupt_messages<multiprocessing_bytes>();
}

TEST_CASE("P1: bytes are read once whatever interrupts a read")
{
    const watchdog guard("P1 bytes");
    const bytes sent = pattern(1500);
    std::vector<std::byte> space(300);
    // One way of taking bytes after the other, in turn.
    int turn = 0;
    const auto take = [&](reader& r, style s, const until& limit, asio::cancellation_signal&, bytes& all) {
        const auto exactly = [&](std::size_t n) {
            return call<bytes>(
                s, [&] { return r.recv(n, limit); }, [&](auto... token) { return r.async_recv(n, limit, token...); });
        };
        const auto into = [&](std::span<std::byte> b) {
            auto o = call<std::size_t>(
                s, [&] { return r.recv_into(b, limit); },
                [&](auto... token) { return r.async_recv_into(b, limit, token...); });
            outcome<bytes> result;
            result.error = o.error;
            if (!o.error)
                result.value = bytes(b.first(o.value));
            return result;
        };
        outcome<bytes> o;
        switch (turn % 4) {
        case 0: o = recv(s, r, limit); break;
        case 1: o = exactly(13); break;
        case 2: o = into(space); break;
        case 3:
            o = call<bytes>(
                s, [&] { return r.recv_until("\x20", limit); },
                [&](auto... token) { return r.async_recv_until("\x20", limit, token...); });
            break;
        }
        if (o.error == errc::truncated)
            o = recv(s, r, limit); // less is left than was asked for
        if (!o.error) {
            all.append(o.value);
            ++turn;
        }
        return o.error;
    };
    for (const transport t : all_transports)
        for (const style s : all_styles)
            for (const interruption i : {interruption::stop, interruption::deadline, interruption::failure}) {
                INFO(name(t) << ", " << name(s) << ", " << name(i));
                for (std::size_t k = 0;; k += 1 + k / 40) {
                    turn = 0;
                    bytes got;
                    const bool reached = interrupted_at(k, t, s, i, sent, got, take);
                    INFO("interrupted at call " << k);
                    REQUIRE(got == sent);
                    if (!reached)
                        break;
                }
            }
}

TEST_CASE("P1: a large recv_into that ends early gives its bytes back")
{
    const watchdog guard("P1 recv_into");
    const bytes sent = pattern(100'000);
    for (const transport t : all_transports) {
        INFO(name(t));
        connection l = connect(t);
        writer w(std::move(l.sender));
        reader r(std::move(l.receiver));
        std::vector<std::byte> space(100'000);
        w.send(byte_view(sent).first(30'000), std::chrono::seconds(20));
        try {
            r.recv_into(space, deadline::now());
            FAIL("cannot be complete");
        } catch (const timeout_error& e) {
            CHECK(e.transferred() == 30'000);
            CHECK(e.data() == byte_view(sent).first(30'000));
        }
        std::jthread rest([&] { w.send(byte_view(sent).subspan(30'000), std::chrono::seconds(20)); });
        CHECK(r.recv_into(space, std::chrono::seconds(20)) == sent.size());
        CHECK(byte_view(space) == byte_view(sent));
    }
}

TEST_CASE("P1: a coroutine that is destroyed at any step loses nothing")
{
    const watchdog guard("P1 destroyed");
    const auto messages = sample_messages();
    const bytes sent = wire<varint>(messages);
    for (const transport t : all_transports) {
        INFO(name(t));
        for (std::size_t steps = 0;; ++steps) {
            INFO("destroyed after " << steps << " steps");
            connection l = connect(t);
            {
                writer w(std::move(l.sender));
                w.send(sent, std::chrono::seconds(20));
            }
            auto f = std::make_shared<faults>();
            f->most_read = 40;
            message_reader<> m{descriptor(faulty(std::move(l.receiver), f))};
            std::vector<bytes> got;
            bool all = false;
            {
                asio::io_context context;
                asio::co_spawn(
                    context,
                    [](message_reader<> from, std::vector<bytes>& to, bool& done) -> asio::awaitable<void> {
                        try {
                            for (;;) {
                                co_await asio::post(asio::use_awaitable);
                                to.push_back(co_await from.async_recv());
                            }
                        } catch (const eof_error&) {
                            done = true;
                        }
                    }(m, got, all),
                    asio::detached);
                for (std::size_t k = 0; k < steps && !all; ++k)
                    context.run_one();
            }
            error_code ec;
            while (!all) {
                bytes b = m.recv({}, ec);
                if (ec)
                    break;
                got.push_back(std::move(b));
            }
            REQUIRE(got == messages);
            if (all)
                break;
        }
    }
}

TEST_CASE("P1: take_partial moves the beginning of a frame out")
{
    connection l = connect(transport::socketpair);
    writer w(std::move(l.sender));
    message_reader<> r(std::move(l.receiver));
    w.send("\x05"
           "abc");
    CHECK_THROWS_AS(r.recv(deadline::now()), timeout_error);
    CHECK(r.take_partial() == byte_view("\x05"
                                        "abc"));
    CHECK(r.take_partial().empty());
    w.send("\x02"
           "de");
    CHECK(r.recv() == byte_view("de"));
}
