// P2: an interrupted send has put nothing on the wire, or its rest follows before anything else.
#include "src/testing/checks.hpp"
#include "src/testing/clogged.hpp"
#include "src/testing/data.hpp"
#include "src/testing/interruption.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferrule::testing::kit {
namespace {

// Sends every message until it is accepted, and is interrupted once. `expected` must arrive.
template <class Writer, class Make>
void send_interrupted(const connection_kind& kind, style s, const std::vector<bytes>& messages, const bytes& expected,
                      Make make)
{
    interrupt_everywhere(kind, s, asio::cancellation_type::partial, [&](interrupter& x, interruption) {
        auto ends = kind.connect();
        // Data sent byte by byte may exceed the room of the connection, so a thread reads meanwhile.
        auto arrived = in_background([&kind, n = expected.size(), d = std::move(ends.second)]() mutable {
            reader r(std::move(d));
            bytes all = r.recv(n, timeout);
            if (kind.has_end)
                all.append(r.recv_all(timeout));
            else if (auto more = r.try_recv())
                all.append(*more);
            return all;
        });
        Writer w = make(x.around(std::move(ends.first)));
        for (const bytes& m : messages) {
            for (bool accepted = false; !accepted;) {
                // A short write counts as "no room", so a deadline of now ends the send after each write.
                const auto o = send(s, w, m, x.limit(), x.slot());
                if (o.error)
                    x.check(o.error);
                accepted = !o.error || o.value != 0; // in flight: the endpoint owns the rest
            }
        }
        w.flush(timeout);
        if (kind.has_end)
            w.close();
        expect(arrived.get() == expected, "something else arrived than was accepted");
    });
}

template <class Framing>
void send_messages(const connection_kind& kind, style s)
{
    send_interrupted<message_writer<Framing>>(kind, s, sample_messages(), wire<Framing>(sample_messages()),
                                              [](descriptor d) { return message_writer<Framing>(std::move(d)); });
}

// Makes a send that leaves a tail.
template <class Writer>
void send_a_part(style s, Writer& w, byte_view data, std::size_t part)
{
    const auto o = send(s, w, data, deadline::now());
    expect_error(o.error, errc::timed_out, "a send for which there is no room");
    expect(o.value == part, "the error says how much had left");
}

} // namespace

void interrupted_message_sends(const connection_kind& kind, style s)
{
    send_messages<varint>(kind, s);
    send_messages<multiprocessing_bytes>(kind, s);
}

void interrupted_byte_sends(const connection_kind& kind, style s)
{
    bytes whole;
    std::vector<bytes> parts;
    for (const std::size_t n : {1u, 130u, 17u}) {
        parts.push_back(pattern(n, static_cast<unsigned>(n)));
        whole.append(parts.back());
    }
    send_interrupted<writer>(kind, s, parts, whole, [](descriptor d) { return writer(std::move(d)); });
}

void interrupted_packet_sends(const connection_kind& kind, style s)
{
    const auto packets = sample_messages();
    interrupt_everywhere(kind, s, asio::cancellation_type::partial, [&](interrupter& x, interruption) {
        auto ends = kind.connect();
        writer w(x.around(std::move(ends.first)));
        message_writer<> m(w);
        for (std::size_t i = 0; i < packets.size();) {
            const bool raw = i % 2 == 0;
            const auto o =
                raw ? send(s, w, packets[i], x.limit(), x.slot()) : send(s, m, packets[i], x.limit(), x.slot());
            if (o.error) {
                x.check(o.error);
                expect(o.value == 0, "a packet leaves whole or not at all");
            } else {
                expect(o.value == packets[i].size(), "a packet without anything else");
                ++i;
            }
        }
        reader r(std::move(ends.second));
        std::vector<bytes> got;
        while (got.size() < packets.size())
            got.push_back(r.recv(timeout));
        expect(got == packets, "other packets than were sent");
        expect(!r.try_recv(), "one packet too many");
    });
}

void send_reports_progress(const connection_kind& kind, style s)
{
    clogged c(kind, 4);
    message_writer<> w(c.sender());
    reader r(c.receiver());
    send_a_part(s, w, "0123456789", 4);
    expect(r.recv(4, timeout) == byte_view("\x0a"
                                           "012"),
           "what has left so far");
    // A send that only pushes an old tail is "not started".
    c.script->max_written = 3;
    bytes more;
    do { // again, because the system may still be busy with earlier data
        c.script->at = c.script->calls + 1;
        send_a_part(s, w, "abc", 0);
        error_code ec;
        more = r.recv(3, kind.prompt ? timeout : std::chrono::milliseconds(20), ec);
    } while (more.empty() && !kind.prompt);
    expect(more == byte_view("345"), "more of it");
    c.script->max_written = SIZE_MAX;
    const auto o = send(s, w, "abc", timeout);
    expect_error(o.error, error_code(), "there is room again");
    expect(o.value == 4, "the message and its header, without the old rest");
    expect(r.recv(8, timeout) == byte_view("6789"
                                           "\x03"
                                           "abc"),
           "the old rest first, then the message");
}

void tail_goes_out(const connection_kind& kind, style s)
{
    {
        clogged c(kind, 2);
        writer w(c.sender());
        send_a_part(s, w, "abcdef", 2);
        w.flush(timeout);
        w.flush();
        expect(reader(c.receiver()).recv(6, timeout) == byte_view("abcdef"), "flush");
    }
    {
        clogged c(kind, 2);
        writer w(c.sender());
        reader r(c.receiver());
        send_a_part(s, w, "abcdef", 2);
        auto got = in_background([&] { return r.recv(6, timeout); });
        const auto unsent = call<std::size_t>(
            s, [&] { return w.close(timeout); }, [&](auto... token) { return w.async_close(timeout, token...); });
        expect(unsent.value == 0, "everything left");
        if (kind.survives_close)
            expect(got.get() == byte_view("abcdef"), "close");
    }
    {
        clogged c(kind, 2);
        writer w(c.sender());
        reader r(c.receiver());
        send_a_part(s, w, "abcdef", 2);
        c.script->refuse(10);
        const auto unsent = call<std::size_t>(
            s, [&] { return w.close(); }, [&](auto... token) { return w.async_close(deadline::now(), token...); });
        expect(unsent.value == 4 || (kind.sends_in_background && unsent.value > 4 && unsent.value <= 6),
               "close says how much did not leave");
        if (kind.has_end)
            expect(r.recv_all(timeout) == byte_view("ab"), "what had left, and no more");
    }
}

void reply_while_tail_waits(const connection_kind& kind, style s)
{
    clogged c(kind, 2);
    message_duplex<> d(c.sender());
    message_duplex<> peer(c.receiver());
    send_a_part(s, d, "request", 2);
    auto answering = in_background([&] {
        expect(peer.recv(timeout) == byte_view("request"), "the request is whole");
        peer.send("reply", timeout);
    });
    const auto o = recv(s, d, timeout);
    expect_error(o.error, error_code(), "a reply to a request whose rest had to leave first");
    expect(o.value == byte_view("reply"), "the reply");
    answering.get();
}

void tail_of_another(const connection_kind& kind, style s)
{
    clogged c(kind, 2);
    duplex d(c.sender());
    const reader deaf(c.receiver());
    send_a_part(s, d, "abcdef", 2);
    // A send on a context that is not run for the moment. It could proceed if the context ran.
    asio::io_context context;
    c.script->refuse(1);
    const byte_view more("more");
    d.async_send(more, asio::bind_executor(context, [](error_code, std::size_t) {}));
    const std::size_t before = c.script->waits;
    expect_error(recv(s, d, std::chrono::milliseconds(20)).error, errc::timed_out, "nothing has been sent");
    expect(c.script->waits - before <= 50, "the receive does not sleep");
}

void destroyed_sends(const connection_kind& kind, style s)
{
    if (s == style::blocking)
        return; // threads cannot be destroyed
    clogged c(kind, 3);
    message_writer<> w(c.sender());
    {
        asio::io_context context;
        if (s == style::awaitable)
            asio::co_spawn(
                context,
                [](message_writer<> to) -> asio::awaitable<void> {
                    const bytes owned_by_the_frame(byte_view("0123456789"));
                    co_await to.async_send(owned_by_the_frame);
                }(w),
                asio::detached);
        else {
            auto owned = std::make_shared<bytes>(byte_view("0123456789"));
            byte_view data(*owned);
            w.async_send(data, asio::bind_executor(context, [owned](error_code, std::size_t) {}));
            owned.reset();
        }
        context.run_one();
    }
    message_reader<> r(c.receiver());
    w.send("next", timeout);
    expect(r.recv(timeout) == byte_view("0123456789"), "what was begun");
    expect(r.recv(timeout) == byte_view("next"), "what came after it");
}

} // namespace ferrule::testing::kit
