// The duties of the type itself: it never waits, and truthfully says what to wait for.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"
#include "src/testing/faults.hpp"
#include "src/testing/full.hpp"
#include "src/testing/until_true.hpp"

#include <array>

namespace ferrule::testing::kit {
namespace {

using namespace std::chrono_literals;

// Without the wait, this is long enough to call the descriptor thousands of times.
constexpr auto a_while = 20ms;
constexpr std::size_t few_calls = 400; // a blocking receive may poll for 50 us before it sleeps

void expect_few(std::size_t calls, std::string_view what)
{
    expect(calls <= few_calls, std::string(what) + ": " + std::to_string(calls) +
                                   " attempts in a short time; the handle that arm() gives is ready without a reason");
}

} // namespace

void nothing_there_is_no_error(const connection_kind& kind, style s)
{
    {
        auto ends = kind.connect();
        writer w(std::move(ends.first));
        reader r(std::move(ends.second));
        for (int i = 0; i < 3; ++i) {
            expect(!r.try_recv(), "nothing has been sent");
            expect_error(recv(s, r, 0s).error, errc::timed_out, "nothing has been sent");
            w.send("x", timeout);
            expect(recv(s, r, timeout).value == byte_view("x"), "what was sent");
        }
    }
    auto ends = kind.connect();
    const auto d = std::move(ends.second).take();
    writer w(std::move(ends.first));
    std::array<std::byte, 16> space{};
    expect(d->can(direction::read), "the second end receives");
    expect(d->kind() == kind.transfers, "kind()");
    const auto small = std::span(space).first(4);
    for (int i = 0; i < 3; ++i)
        expect(d->try_read(small).status() == io_status::would_block, "nothing has been sent");
    if (kind.transfers == transfer_kind::message) {
        w.send("0123456789", timeout);
        io_result r = io_result::would_block();
        until_true([&] { return (r = d->try_read(small)).status() != io_status::would_block; });
        expect(r.status() == io_status::larger && r.size() == 10, "a packet that does not fit is `larger`");
        r = d->try_read(space);
        expect(r.status() == io_status::moved && r.size() == 10, "and it has not been taken");
        expect(d->try_read(space).status() == io_status::would_block, "now it has");
    }
    d->close();
}

void arm_is_honest_about_reading(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    auto f = std::make_shared<faults>();
    reader r(descriptor(scripted(std::move(ends.second), f)));
    for (int round = 0; round < 3; ++round) {
        const std::size_t calls = f->calls;
        expect_error(recv(s, r, a_while).error, errc::timed_out, "nothing has been sent");
        expect_few(f->calls - calls, "nothing to read");

        const std::size_t before = f->waits;
        auto waiting = in_background([&] { return recv(s, r, timeout); });
        until_true([&] { return f->waits != before; });
        w.send("wake up", timeout);
        auto o = waiting.get();
        expect_error(o.error, error_code(), "waiting, while something was sent");
        expect(o.value == byte_view("wake up"), "what was sent");

        w.send("still there", timeout);
        f->refuse(3);
        o = recv(s, r, timeout);
        expect_error(o.error, error_code(), "waiting once more, with something there that nobody has taken");
        expect(o.value == byte_view("still there"), "what was sent");
    }
}

void arm_is_honest_after_both_ends(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    duplex first(std::move(ends.first));
    auto f = std::make_shared<faults>();
    duplex second(descriptor(scripted(std::move(ends.second), f)));
    first.send("what is left", timeout);
    f->max_read = 4;
    for (duplex* d : {&first, &second}) {
        error_code ec;
        d->shutdown_send(timeout, ec);
        expect(!ec || ec == errc::unsupported, "shutdown_send()");
    }
    for (const char* const part : {"what", " is ", "left"}) {
        f->refuse(1);
        expect(recv(s, second, timeout).value == byte_view(part), "waiting, with something there");
    }
}

void arm_is_honest_about_writing(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    auto f = std::make_shared<faults>();
    writer w(descriptor(scripted(std::move(ends.first), f)));
    reader r(std::move(ends.second));
    for (int round = 0; round < 2; ++round) {
        std::size_t full = fill(kind, w);
        const auto send_more = [&](until limit) {
            const byte_view more("more");
            return send(s, w, more, limit);
        };
        outcome<std::size_t> o;
        std::size_t calls = 0;
        for (;;) {
            calls = f->calls;
            o = send_more(a_while);
            full += o.error && o.value == 0 ? 0u : 4u; // the rest of a partial send will follow
            if (o.error || kind.prompt)
                break;
            full += fill(kind, w); // the system may have made room late, and much of it
        }
        expect_error(o.error, errc::timed_out, "nobody receives");
        expect_few(f->calls - calls, "no room");

        const std::size_t before = f->waits;
        auto waiting = in_background([&] { return send_more(timeout); });
        // It need not wait if the system has made room after all.
        until_true([&] { return f->waits != before || waiting.wait_for(0s) == std::future_status::ready; });
        std::size_t received = 0;
        while (received < full + 4)
            received += r.recv(timeout).size();
        expect_error(waiting.get().error, error_code(), "waiting, while everything was received");
        expect(received == full + 4, "as much as was sent");

        f->refuse(3);
        expect_error(send_more(timeout).error, error_code(), "waiting once more, with room that nobody has used");
        expect(r.recv(timeout) == byte_view("more"), "what was sent");
    }
}

} // namespace ferrule::testing::kit
