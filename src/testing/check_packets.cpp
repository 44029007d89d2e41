// Where packets have boundaries, one send matches one receive.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/none.hpp>

#include <array>

namespace ferrule::testing::kit {
namespace {

class pair_of_ends {
public:
    explicit pair_of_ends(const connection_kind& kind) : pair_of_ends(kind.connect()) {}
    explicit pair_of_ends(std::pair<descriptor, descriptor> d) : to(std::move(d.first)), from(std::move(d.second)) {}
    writer to;
    reader from;
};

void send_one(style s, writer& w, const buffers& data, std::size_t size)
{
    const auto o = send(s, w, data, timeout);
    expect_error(o.error, error_code(), "a send");
    expect(o.value == size, "a send says how many bytes it has sent");
}

void receive_one(style s, reader& r, byte_view expected)
{
    const auto o = recv(s, r, timeout);
    expect_error(o.error, error_code(), "a receive");
    expect(o.value == expected, "another packet than was sent");
}

template <class Framing>
void receive_messages(const connection_kind& kind, style s)
{
    pair_of_ends e(kind);
    message_writer<Framing> w(e.to);
    message_reader<Framing> r(e.from);
    for (const bytes& m : sample_messages()) {
        const auto o = send(s, w, m, timeout);
        expect_error(o.error, error_code(), "a message");
        expect(o.value == m.size(), "only the payload is sent");
        expect(recv(s, r, timeout).value == m, "another message than was sent");
        expect_error(send(s, w, m, timeout).error, error_code(), "a message");
        receive_one(s, e.from, m);
    }
    e.to.send("not a frame of any kind \xff\xff\xff\xff", timeout);
    expect(recv(s, r, timeout).value == byte_view("not a frame of any kind \xff\xff\xff\xff"), "a packet is a message");
}

} // namespace

void packets_keep_their_boundaries(const connection_kind& kind, style s)
{
    pair_of_ends e(kind);
    // Packets of all sizes, sent one after the other, are received whole.
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1500},
                                kind.largest_packet / 2, kind.largest_packet}) {
        const note circumstances(std::to_string(n) + " bytes");
        const bytes sent = pattern(n);
        send_one(s, e.to, sent, n);
        receive_one(s, e.from, sent);
    }
    // Several packets in transit do not join.
    for (const char* text : {"one", "", "two", "", "three"})
        send_one(s, e.to, text, std::string_view(text).size());
    for (const char* text : {"one", "", "two", "", "three"})
        receive_one(s, e.from, text);
    // Several buffers join to one packet, even very many.
    const byte_view few[] = {"se", "", "veral"};
    send_one(s, e.to, std::span<const byte_view>(few), 7);
    receive_one(s, e.from, "several");
    const bytes many = pattern(150);
    std::vector<byte_view> single;
    for (std::size_t i = 0; i < many.size(); ++i)
        single.push_back(byte_view(many).subspan(i, 1));
    send_one(s, e.to, std::span<const byte_view>(single), many.size());
    receive_one(s, e.from, many);
    expect(!e.from.try_recv(), "one packet too many");
}

void packets_are_cut_to_size(const connection_kind& kind, style s)
{
    pair_of_ends e(kind);
    std::array<std::byte, 8> space{};
    const auto send_digits = [&] { e.to.send("0123456789", timeout); };

    // A packet longer than requested is cut and reported, and its rest is dropped.
    send_digits();
    const auto cut = recv_n(s, e.from, 4, timeout);
    expect_error(cut.error, errc::packet_truncated, "recv(n)");
    expect(cut.value == byte_view("0123"), "recv(n): the first bytes");
    send_digits();
    auto n = recv_into(s, e.from, space, timeout);
    expect_error(n.error, errc::packet_truncated, "recv_into");
    expect(n.value == 8 && byte_view(space) == byte_view("01234567"), "recv_into: the first bytes");
    send_digits();
    n = recv_some_into(s, e.from, std::span(space).first(1), timeout);
    expect_error(n.error, errc::packet_truncated, "recv_some_into");
    expect(n.value == 1 && byte_view(space).first(1) == byte_view("0"), "recv_some_into: the first byte");

    // A packet not longer than requested is received whole.
    for (const char* text : {"01234567", "012", ""}) {
        const byte_view sent(text);
        e.to.send(sent, timeout);
        expect(recv_n(s, e.from, 8, timeout).value == sent, "recv(n): the packet");
        e.to.send(sent, timeout);
        n = recv_into(s, e.from, space, timeout);
        expect_error(n.error, error_code(), "recv_into");
        expect(byte_view(space).first(n.value) == sent, "recv_into: the packet");
    }

    // A request for no bytes takes nothing.
    send_digits();
    expect(recv_n(s, e.from, 0, timeout).value.empty(), "0 bytes");
    expect(recv_into(s, e.from, {}, timeout).value == 0, "no room");
    receive_one(s, e.from, "0123456789");
    expect(!e.from.try_recv(), "one packet too many");
}

void packets_are_messages(const connection_kind& kind, style s)
{
    receive_messages<varint>(kind, s);
    receive_messages<multiprocessing_bytes>(kind, s);
    receive_messages<none>(kind, s);
}

void packets_have_no_separators(const connection_kind& kind, style s)
{
    pair_of_ends e(kind);
    e.to.send("line\n", timeout);
    expect_error(recv_until(s, e.from, "\n", timeout).error, errc::unsupported, "recv_until");
    expect_error(recv_line(s, e.from, timeout).error, errc::unsupported, "recv_line");
    expect_error(recv_all(s, e.from, timeout).error, errc::unsupported, "recv_all");
    receive_one(s, e.from, "line\n");
}

} // namespace ferrule::testing::kit
