// P8: the error says what happened and whose fault it is.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"
#include "src/testing/until_true.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

namespace ferrule::testing::kit {
namespace {

template <class Framing>
void cut_off(const connection_kind& kind, style s)
{
    const bytes payload = pattern(60);
    const bytes frame = wire_of<Framing>(payload);
    for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
        const note circumstances("closed after " + std::to_string(cut) + " of " + std::to_string(frame.size()));
        auto ends = kind.connect();
        writer(std::move(ends.first)).send(byte_view(frame).first(cut), timeout);
        message_reader<Framing> m(std::move(ends.second));
        auto o = recv(s, m, timeout);
        if (cut == frame.size()) {
            expect(o.value == payload, "the whole message");
            o = recv(s, m, timeout);
        }
        const std::size_t rest = cut % frame.size();
        expect_error(o.error, rest == 0 ? errc::end_of_stream : errc::truncated, "the end");
        expect_error(o.error, condition::end, "the end");
        expect(o.value == byte_view(frame).first(rest), "what has come of the next message");
        expect_error(recv(s, m, timeout).error, o.error, "the end, once more");
    }
}

void end_after(const connection_kind& kind, style s, const std::vector<const char*>& packets)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    for (const char* text : packets)
        w.send(text, timeout);
    w.close();
    reader r(std::move(ends.second));
    for (const char* text : packets) {
        const auto o = recv(s, r, timeout);
        expect_error(o.error, error_code(), "a packet that was sent before the end");
        expect(o.value == byte_view(text), "another packet than was sent");
    }
    for (int again = 0; again < 2; ++again) {
        const auto o = recv(s, r, timeout);
        expect_error(o.error, errc::end_of_stream, "the end");
        expect(o.value.empty(), "nothing is left");
    }
}

} // namespace

void end_at_every_byte(const connection_kind& kind, style s)
{
    cut_off<varint>(kind, s);
    cut_off<multiprocessing_bytes>(kind, s);
}

void end_of_bytes(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer(std::move(ends.first)).send("rest", timeout);
    reader r(std::move(ends.second));
    const auto few = recv_n(s, r, 5, timeout);
    expect_error(few.error, errc::truncated, "recv(5)");
    expect(few.value == byte_view("rest"), "what there is instead");
    expect_error(recv_line(s, r, timeout).error, errc::truncated, "recv_line()");
    expect(recv(s, r, timeout).value == byte_view("rest"), "it is still there");
    const auto nothing = recv(s, r, timeout);
    expect_error(nothing.error, errc::end_of_stream, "recv()");
    expect(nothing.value.empty(), "nothing is left");
    expect(recv_all(s, r, timeout).value.empty(), "recv_all()");
}

void end_of_packets(const connection_kind& kind, style s)
{
    end_after(kind, s, {"one", "", "three"});
}

void end_of_empty_packets(const connection_kind& kind, style s)
{
    end_after(kind, s, {"", "", "", "last"});
}

void sender_learns_of_the_end(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    reader(std::move(ends.second)).close();
    writer w(std::move(ends.first));
    outcome<std::size_t> o;
    until_true([&] { // the system may accept the first without noticing
        const byte_view text("x");
        o = send(s, w, text, timeout);
        return o.error.failed();
    });
    expect_error(o.error, condition::broken, "a send to somebody who has gone");
    expect(o.value == 0, "nothing has left");
}

void failed_send_spares_what_has_come(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    duplex there(std::move(ends.first));
    there.send("last words", timeout);
    there.close(timeout);
    duplex here(std::move(ends.second));
    until_true([&] {
        const byte_view text("x");
        return send(s, here, text, timeout).error.failed();
    });
    const auto o = recv_n(s, here, 10, timeout);
    expect_error(o.error, error_code(), "what was sent before the end");
    expect(o.value == byte_view("last words"), "other bytes than were sent");
}

} // namespace ferrule::testing::kit
