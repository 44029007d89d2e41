// What the type itself must do: never wait, and say truthfully what to wait for.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"
#include "src/testing/faults.hpp"
#include "src/testing/full.hpp"
#include "src/testing/patience.hpp"

#include <array>

namespace ferrule::testing::kit {
namespace {

using namespace std::chrono_literals;

// Long enough to call the descriptor thousands of times, were it not for the wait.
constexpr auto a_while = 20ms;
constexpr std::size_t few_calls = 400; // a blocking receive may look for 50 us before it sleeps

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
            w.send("x", patience);
            expect(recv(s, r, patience).value == byte_view("x"), "what was sent");
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
        expect(d->try_read(small).what() == io_result::status::would_block, "nothing has been sent");
    if (kind.transfers == transfer_kind::message) {
        w.send("0123456789", patience);
        io_result r = io_result::would_block();
        until_true([&] { return (r = d->try_read(small)).what() != io_result::status::would_block; });
        expect(r.what() == io_result::status::larger && r.size() == 10, "a packet that does not fit is `larger`");
        r = d->try_read(space);
        expect(r.what() == io_result::status::moved && r.size() == 10, "and it has not been taken");
        expect(d->try_read(space).what() == io_result::status::would_block, "now it has");
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
        auto waiting = in_background([&] { return recv(s, r, patience); });
        until_true([&] { return f->waits != before; });
        w.send("wake up", patience);
        auto o = waiting.get();
        expect_error(o.error, error_code(), "waiting, while something was sent");
        expect(o.value == byte_view("wake up"), "what was sent");

        w.send("still there", patience);
        f->refuse(3);
        o = recv(s, r, patience);
        expect_error(o.error, error_code(), "waiting once more, with something there that nobody has taken");
        expect(o.value == byte_view("still there"), "what was sent");
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
            full += o.error && o.value == 0 ? 0u : 4u; // the rest of a part will follow
            if (o.error || kind.prompt)
                break;
            full += fill(kind, w); // the system has made room late, and it may be a lot
        }
        expect_error(o.error, errc::timed_out, "nobody receives");
        expect_few(f->calls - calls, "no room");

        const std::size_t before = f->waits;
        auto waiting = in_background([&] { return send_more(patience); });
        // It need not wait where the system has made room all the same.
        until_true([&] { return f->waits != before || waiting.wait_for(0s) == std::future_status::ready; });
        std::size_t received = 0;
        while (received < full + 4)
            received += r.recv(patience).size();
        expect_error(waiting.get().error, error_code(), "waiting, while everything was received");
        expect(received == full + 4, "as much as was sent");

        f->refuse(3);
        expect_error(send_more(patience).error, error_code(), "waiting once more, with room that nobody has used");
        expect(r.recv(patience) == byte_view("more"), "what was sent");
    }
}

} // namespace ferrule::testing::kit
