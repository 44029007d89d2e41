// P1: ending a read at any step leaves the stream as an uninterrupted reader would have found it.
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/interruption.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace ferrule::testing::kit {
namespace {

// Reads with `receive(reader, limit, slot)` until `complete()`, and is interrupted once.
template <class Receive, class Complete>
void read_interrupted(const connection_kind& kind, style s, interrupter& x, interruption i, writer& sender,
                      descriptor receiver, Receive receive, Complete complete)
{
    reader r(x.around(std::move(receiver)));
    bool was_interrupted = false;
    for (int call = 0; !complete();) {
        const error_code ec = receive(r, x.limit(), x.slot());
        if (!ec)
            continue;
        x.check(ec);
        if (!kind.prompt && i == interruption::deadline) {
            was_interrupted = true; // or the data had not arrived yet
            continue;
        }
        expect(!was_interrupted, "interrupted more than once");
        expect(++call < 100, "no progress");
        was_interrupted = true;
    }
    // An awaitable tries twice, so one refusal need not end it.
    if (x.script->reached && !(i == interruption::deadline && s == style::awaitable))
        expect(was_interrupted, "the interruption was not reported");
    x.script->at = SIZE_MAX;
    sender.close();
    if (kind.has_end)
        expect_error(recv(s, r, timeout).error, errc::end_of_stream, "after everything was received");
}

template <class Framing>
void read_messages(const connection_kind& kind, style s)
{
    const auto messages = sample_messages();
    const bytes sent = wire<Framing>(messages);
    interrupt_everywhere(kind, s, asio::cancellation_type::terminal, [&](interrupter& x, interruption i) {
        auto ends = kind.connect();
        writer w(std::move(ends.first));
        w.send(sent, timeout);
        std::vector<bytes> got;
        const auto receive = [&](reader& r, const until& limit, asio::cancellation_slot slot) {
            message_reader<Framing> m(r);
            outcome<bytes> o = recv(s, m, limit, slot);
            if (!o.error)
                got.push_back(std::move(o.value));
            return o.error;
        };
        read_interrupted(kind, s, x, i, w, std::move(ends.second), receive,
                         [&] { return got.size() == messages.size(); });
        expect(got == messages, "other messages than were sent");
    });
}

} // namespace

void interrupted_message_reads(const connection_kind& kind, style s)
{
    read_messages<varint>(kind, s);
    read_messages<multiprocessing_bytes>(kind, s);
}

void interrupted_byte_reads(const connection_kind& kind, style s)
{
    const bytes sent = pattern(700);
    std::vector<std::byte> space(200);
    interrupt_everywhere(kind, s, asio::cancellation_type::partial, [&](interrupter& x, interruption i) {
        auto ends = kind.connect();
        writer w(std::move(ends.first));
        w.send(sent, timeout);
        bytes got;
        int turn = 0;
        const auto receive = [&](reader& r, const until& limit, asio::cancellation_slot slot) {
            const auto rest = byte_view(sent).subspan(got.size());
            const auto into = std::span(space).first(std::min(space.size(), rest.size()));
            outcome<bytes> o;
            // Cycles through the ways to take bytes.
            if (turn % 4 == 0)
                o = recv(s, r, limit, slot);
            else if (turn % 4 == 1 && byte_view(rest).text().find('\x20') != std::string_view::npos)
                o = recv_until(s, r, "\x20", limit, slot);
            else if (turn % 4 == 2) {
                const auto filled = recv_into(s, r, into, limit, slot);
                o.error = filled.error;
                if (!o.error)
                    o.value = bytes(into);
            } else
                o = recv_n(s, r, std::min<std::size_t>(13, rest.size()), limit, slot);
            if (!o.error) {
                got.append(o.value);
                ++turn;
            }
            return o.error;
        };
        read_interrupted(kind, s, x, i, w, std::move(ends.second), receive, [&] { return got.size() >= sent.size(); });
        expect(got == sent, "other bytes than were sent");
    });
}

void interrupted_packet_reads(const connection_kind& kind, style s)
{
    const auto packets = sample_messages();
    std::vector<std::byte> space(500);
    interrupt_everywhere(kind, s, asio::cancellation_type::total, [&](interrupter& x, interruption i) {
        auto ends = kind.connect();
        writer w(std::move(ends.first));
        for (const bytes& p : packets)
            w.send(p, timeout);
        std::vector<bytes> got;
        const auto receive = [&](reader& r, const until& limit, asio::cancellation_slot slot) {
            message_reader<> m(r);
            outcome<bytes> o;
            switch (got.size() % 4) {
            case 0: o = recv(s, r, limit, slot); break;
            case 1: o = recv_n(s, r, space.size(), limit, slot); break;
            case 2: {
                const auto filled = recv_into(s, r, space, limit, slot);
                o.error = filled.error;
                o.value = bytes(std::span(space).first(filled.value));
                break;
            }
            case 3: o = recv(s, m, limit, slot); break;
            }
            if (!o.error)
                got.push_back(std::move(o.value));
            return o.error;
        };
        read_interrupted(kind, s, x, i, w, std::move(ends.second), receive,
                         [&] { return got.size() == packets.size(); });
        expect(got == packets, "other packets than were sent");
    });
}

void large_read_gives_back(const connection_kind& kind, style s)
{
    const bytes sent = pattern(100'000);
    const std::size_t first = std::min<std::size_t>(30'000, kind.room / 2);
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    std::vector<std::byte> space(sent.size());
    w.send(byte_view(sent).first(first), timeout);
    // The system may first have to deliver all of it.
    outcome<std::size_t> o;
    do
        o = recv_into(s, r, space, deadline::now());
    while (o.value < first && !kind.prompt && o.error == errc::timed_out);
    expect_error(o.error, errc::timed_out, "not everything has come");
    expect(o.value == first, "the error says how much had come");
    auto rest = in_background([&] { w.send(byte_view(sent).subspan(first), timeout); });
    o = recv_into(s, r, space, timeout);
    expect_error(o.error, error_code(), "the rest has come");
    expect(o.value == sent.size() && byte_view(space) == byte_view(sent), "bytes were lost or seen twice");
    rest.get();
}

void small_read_gives_back(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    const bytes sent = pattern(300);
    std::vector<std::byte> space(7);
    w.send(sent, timeout);
    bytes got = recv_n(s, r, 10, timeout).value; // the rest was read ahead
    for (const bool some : {false, true}) {
        asio::io_context context;
        asio::cancellation_signal signal;
        error_code result;
        auto token = asio::bind_cancellation_slot(
            signal.slot(), asio::bind_executor(context, [&](error_code ec, std::size_t) { result = ec; }));
        if (some)
            r.async_recv_some_into(space, token);
        else
            r.async_recv_into(space, token);
        signal.emit(asio::cancellation_type::total);
        context.run();
        expect_error(result, errc::cancelled, "a read that was cancelled before its first turn");
    }
    got.append(recv_n(s, r, sent.size() - got.size(), timeout).value);
    expect(got == sent, "bytes were lost or changed places");
}

void destroyed_reads(const connection_kind& kind, style s)
{
    if (s == style::blocking)
        return; // threads cannot be destroyed
    const bool packets = kind.transfers == transfer_kind::message;
    const auto messages = sample_messages();
    const auto count = messages.size();
    for (std::size_t steps = 0, all = 0; all == 0; ++steps) {
        const note circumstances("destroyed after " + std::to_string(steps) + " steps");
        auto ends = kind.connect();
        writer w(std::move(ends.first));
        if (packets) {
            for (const bytes& m : messages)
                w.send(m, timeout);
        } else
            w.send(wire<varint>(messages), timeout);
        auto f = std::make_shared<faults>();
        f->max_read = 40;
        message_reader<> m{descriptor(scripted(std::move(ends.second), f))};
        std::vector<bytes> got;
        {
            asio::io_context context;
            std::function<void(error_code, bytes)> next = [&](error_code ec, bytes b) {
                expect_error(ec, error_code(), "a read");
                got.push_back(std::move(b));
                if (got.size() != count)
                    m.async_recv(asio::bind_executor(context, next));
            };
            if (s == style::callback)
                m.async_recv(asio::bind_executor(context, next));
            else
                asio::co_spawn(
                    context,
                    [](message_reader<> from, std::vector<bytes>& to, std::size_t n) -> asio::awaitable<void> {
                        while (to.size() != n) {
                            co_await asio::post(asio::use_awaitable);
                            to.push_back(co_await from.async_recv());
                        }
                    }(m, got, count),
                    asio::detached);
            for (std::size_t k = 0; k < steps && got.size() != count; ++k)
                context.run_one_for(timeout);
        }
        all = got.size() == count ? 1 : 0;
        while (got.size() != count)
            got.push_back(m.recv(timeout));
        expect(got == messages, "other messages than were sent");
    }
}

} // namespace ferrule::testing::kit
