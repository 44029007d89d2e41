// P5: no length is trusted. P6: one deadline covers the whole call.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"

namespace ferrule::testing::kit {

using namespace std::chrono_literals;

void limits_hold(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    const bool packets = kind.transfers == transfer_kind::message;
    writer raw(std::move(ends.first));
    reader shared(std::move(ends.second));
    message_writer<> w(raw, {}, limits(100));
    message_reader<> narrow(shared, {}, limits(99));
    message_reader<> wide(shared, {}, limits(100));
    expect_error(send(s, w, pattern(101), timeout).error, errc::too_large, "a send beyond the limit");
    expect_error(send(s, w, pattern(100), timeout).error, error_code(), "a send at the limit");
    for (int again = 0; again < (packets ? 1 : 3); ++again)
        expect_error(recv(s, narrow, timeout).error, errc::too_large, "a message beyond the limit");
    if (!packets) // a packet is gone
        expect(recv(s, wide, timeout).value == pattern(100), "for others the message is still there");
    w.send("still usable", timeout);
    expect(recv(s, narrow, timeout).value == byte_view("still usable"), "a message within the limit");
    w.send(pattern(100), timeout);
    expect(recv(s, wide, timeout).value == pattern(100), "a message at the limit");
}

void deadline_covers_the_lock(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    // A reader is waiting already, on a context that is not run for the moment.
    asio::io_context context;
    bytes got;
    r.async_recv(timeout, asio::bind_executor(context, [&](error_code, bytes b) { got = std::move(b); }));
    context.poll();
    for (const until& limit : {until(0s), until(5ms), until(std::chrono::system_clock::now() - 1s)}) {
        const auto o = recv(s, r, limit);
        expect_error(o.error, errc::lock_timed_out, "waiting for another read");
        expect_error(o.error, condition::timeout, "waiting for another read");
        expect(o.value.empty(), "nothing was taken");
    }
    expect(!r.try_recv(), "try_recv() while another read is under way");
    w.send("for the first", timeout);
    context.run();
    expect(got == byte_view("for the first"), "what was sent");
}

void zero_means_now(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    message_writer<> w(std::move(ends.first));
    message_reader<> r(std::move(ends.second));
    const byte_view text("there");
    for (const until& limit : {until(0s), until(-1h), until(std::chrono::steady_clock::now() - 1s)}) {
        expect_error(recv(s, r, limit).error, errc::timed_out, "nothing has been sent");
        expect(!r.try_recv(), "nothing has been sent");
        expect_error(send(s, w, text, 0s).error, error_code(), "there is room");
        if (!kind.prompt)
            expect(recv(s, r, timeout).value == text, "what was sent");
        else if (limit.deadline().is_now())
            expect(recv(s, r, limit).value == text, "what was sent");
        else
            expect(r.try_recv() == text, "what was sent");
    }
}

} // namespace ferrule::testing::kit
