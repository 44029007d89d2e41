// P9 and P3: all sent data arrives.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <array>
#include <map>

namespace ferrule::testing::kit {
namespace {

// Sizes from 0 to more than fits in transit.
std::vector<std::size_t> sizes(const connection_kind& kind)
{
    return {0, 1, 2, 255, 4096, kind.room, 3 * kind.room + 17, 300'001};
}

template <class Framing>
void send_and_receive(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    message_writer<Framing> w(std::move(ends.first));
    message_reader<Framing> r(std::move(ends.second));
    auto sending = in_background([&] {
        for (const std::size_t n : sizes(kind)) {
            const bytes m = pattern(n);
            expect_error(send(s, w, m, timeout).error, error_code(), "a send");
        }
    });
    for (const std::size_t n : sizes(kind)) {
        const note circumstances(std::to_string(n) + " bytes");
        const auto o = recv(s, r, timeout);
        expect_error(o.error, error_code(), "a message that was sent");
        expect(o.value == pattern(n), "another message than was sent");
    }
    sending.get();
}

void exchange(writer to, reader from, style s, const bytes& data)
{
    auto sending = in_background([&] { return send(s, to, data, timeout).error; });
    const auto o = recv_n(s, from, data.size(), timeout);
    expect_error(sending.get(), error_code(), "a send");
    expect_error(o.error, error_code(), "a receive");
    expect(o.value == data, "other bytes than were sent");
}

} // namespace

void bytes_arrive_in_order(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    for (const std::size_t n : sizes(kind)) {
        const note circumstances(std::to_string(n) + " bytes");
        const bytes sent = pattern(n);
        auto sending = in_background([&] {
            const byte_view v(sent);
            const std::array<byte_view, 4> parts{v.first(n / 3), byte_view(), v.subspan(n / 3, n / 2),
                                                 v.subspan(n / 3 + n / 2)};
            return send(s, w, std::span<const byte_view>(parts), timeout);
        });
        bytes got;
        while (got.size() < n) {
            const auto o = recv(s, r, timeout);
            expect_error(o.error, error_code(), "a receive");
            expect(!o.value.empty(), "a receive yields at least one byte");
            got.append(o.value);
        }
        const auto o = sending.get();
        expect_error(o.error, error_code(), "a send");
        expect(o.value == n, "a send says how many bytes it has sent");
        expect(got == sent, "other bytes than were sent");
    }
}

void every_read_takes_its_bytes(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    std::array<std::byte, 8> space{};
    w.send("exactlyinto space1line\nuntil|rest", timeout);
    expect(recv_n(s, r, 0, timeout).value.empty(), "0 bytes");
    expect(recv_n(s, r, 7, timeout).value == byte_view("exactly"), "recv(n)");
    expect(recv_into(s, r, std::span(space).first(5), timeout).value == 5, "recv_into: the size");
    expect(byte_view(space).first(5) == byte_view("into "), "recv_into: the bytes");
    bytes some;
    while (some.size() < 6) {
        const auto n = recv_some_into(s, r, std::span(space).first(6 - some.size()), timeout).value;
        expect(n != 0, "recv_some_into: at least one byte");
        some.append(byte_view(space).first(n));
    }
    expect(some == byte_view("space1"), "recv_some_into: the bytes");
    expect(recv_line(s, r, timeout).value == byte_view("line"), "recv_line");
    expect(recv_until(s, r, "|", timeout).value == byte_view("until|"), "recv_until");
    expect(recv_n(s, r, 4, timeout).value == byte_view("rest"), "nothing was taken too much");
    const auto negative = recv_n(s, r, static_cast<std::size_t>(-1), timeout);
    expect_error(negative.error, errc::invalid_argument, "a negative number of bytes");
    expect_error(recv_until(s, r, "", timeout).error, errc::invalid_argument, "an empty separator");
    w.send("before silence", timeout);
    bytes quiet;
    while (quiet.size() < 14)
        quiet.append(recv_until_silence(s, r, std::chrono::milliseconds(1), timeout).value);
    expect(quiet == byte_view("before silence"), "recv_until_silence");
    if (!kind.has_end)
        return;
    w.send("all of it", timeout);
    w.close();
    expect(recv_all(s, r, timeout).value == byte_view("all of it"), "recv_all");
}

void messages_arrive_whole(const connection_kind& kind, style s)
{
    send_and_receive<varint>(kind, s);
    send_and_receive<multiprocessing_bytes>(kind, s);
}

void raw_and_messages_mix(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    message_writer<> wm(w);
    message_reader<> m(r);
    message_reader<multiprocessing_bytes> p(r);
    wm.send("one", timeout);
    w.send("raw", timeout);
    wm.send("two", timeout);
    w.send("line\n", timeout);
    message_writer<multiprocessing_bytes>(w).send("three", timeout);
    wm.send("four", timeout);
    w.send("end", timeout);
    expect(recv(s, m, timeout).value == byte_view("one"), "the first message");
    expect(recv_n(s, r, 3, timeout).value == byte_view("raw"), "bytes after a message");
    expect(recv(s, m, timeout).value == byte_view("two"), "a message after bytes");
    expect(recv_line(s, r, timeout).value == byte_view("line"), "a line after a message");
    expect(recv(s, p, timeout).value == byte_view("three"), "a message of another framing");
    expect(recv(s, m, timeout).value == byte_view("four"), "a message of the first framing again");
    expect(recv_n(s, r, 3, timeout).value == byte_view("end"), "the last bytes");
}

void both_ways_at_once(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    const bytes there = pattern(kind.transfers == transfer_kind::stream ? 200'000 : kind.largest_packet, 1);
    const bytes back = pattern(there.size(), 2);
    duplex a(std::move(ends.first));
    duplex b(std::move(ends.second));
    auto other = in_background([&] { exchange(b, a, s, back); });
    exchange(a, b, s, there);
    other.get();
}

void everybody_at_once(const connection_kind& kind, style s)
{
    constexpr unsigned senders = 4;
    constexpr unsigned each = 25;
    auto ends = kind.connect();
    message_writer<> w(std::move(ends.first));
    message_reader<> r(std::move(ends.second));
    // Message k of sender i consists of i, k and a pattern that depends on both.
    const auto message = [](unsigned i, unsigned k) {
        const char head[] = {static_cast<char>(i), static_cast<char>(k)};
        bytes b(byte_view(std::string_view(head, 2)));
        b.append(pattern(37 * k, i));
        return b;
    };
    const auto send_all = [&](unsigned i, style how) {
        for (unsigned k = 0; k < each; ++k)
            expect_error(send(how, w, message(i, k), timeout).error, error_code(), "a send");
    };
    std::vector<std::future<void>> sending;
    for (unsigned i = 0; i < senders; ++i)
        sending.push_back(in_background([&, i] { send_all(i, all_styles[i % 3]); }));
    std::map<unsigned, unsigned> next;
    for (unsigned n = 0; n < senders * each; ++n) {
        const auto o = recv(s, r, timeout);
        expect_error(o.error, error_code(), "a message that was sent");
        expect(o.value.size() >= 2, "a message of somebody");
        const auto i = std::to_integer<unsigned>(o.value[0]);
        expect(o.value == message(i, next[i]++), "messages of one sender arrive whole and in order");
    }
    for (auto& f : sending)
        f.get();
}

} // namespace ferrule::testing::kit
