// Datagram and seqpacket sockets: a send is a packet, a packet is a receive.
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

enum class packets : unsigned char { udp, unix_datagram, seqpacket };
constexpr packets all_packets[] = {packets::udp, packets::unix_datagram, packets::seqpacket};

std::pair<duplex, duplex> connected(packets p, const limits& l = {})
{
    if (p == packets::udp) {
        asio::io_context context;
        const asio::ip::udp::endpoint any(asio::ip::address_v4::loopback(), 0);
        asio::ip::udp::socket a(context, any);
        asio::ip::udp::socket b(context, any);
        a.connect(b.local_endpoint());
        b.connect(a.local_endpoint());
        return {duplex(adopt(a.release()), l), duplex(adopt(b.release()), l)};
    }
    auto [a, b] = raw_socketpair(p == packets::seqpacket ? SOCK_SEQPACKET : SOCK_DGRAM);
    return {duplex(adopt(a.release()), l), duplex(adopt(b.release()), l)};
}

} // namespace

TEST_CASE("packets: recv takes a whole packet whatever its size, in every style")
{
    for (const packets p : all_packets)
        for (const style s : all_styles) {
            auto [a, b] = connected(p);
            for (const std::size_t n : {1u, 0u, 100u, 1472u, 9000u, 60'000u, 100'000u, 0u, 3u}) {
                if (p == packets::udp && n > 65'507)
                    continue;
                CAPTURE(static_cast<int>(p), name(s), n);
                const bytes data = pattern(n, 5);
                const auto sent = send(s, a, data, 20s);
                REQUIRE_FALSE(sent.error);
                CHECK(sent.value == n);
                const auto got = recv(s, b, 20s);
                REQUIRE_FALSE(got.error);
                CHECK(got.value == data);
            }
        }
}

TEST_CASE("packets: two are never joined, and what is asked for is never taken from a second")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        a.send("abc");
        a.send("defgh");
        a.send("ij");
        CHECK(b.recv(5, 20s) == byte_view("abc"));
        std::byte space[10];
        CHECK(b.recv_into(space, 20s) == 5);
        CHECK(byte_view(space, 5) == byte_view("defgh"));
        CHECK(b.recv_some_into(space, 20s) == 2);
        CHECK_FALSE(b.try_recv());
    }
}

TEST_CASE("packets: a cut is reported, with the first part, and the next packet is whole")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        for (int i = 0; i < 4; ++i)
            a.send("abcdef");
        a.send("next");
        try {
            (void)b.recv(2, 20s);
            FAIL("was cut");
        } catch (const frame_error& e) {
            CHECK(e.code() == errc::packet_truncated);
            CHECK(e.data() == byte_view("ab"));
            CHECK(e.transferred() == 2);
        }
        error_code ec;
        CHECK(b.recv(3, 20s, ec) == byte_view("abc"));
        CHECK(ec == errc::packet_truncated);
        std::byte space[4];
        CHECK(b.recv_into(space, 20s, ec) == 4);
        CHECK(ec == errc::packet_truncated);
        CHECK(byte_view(space) == byte_view("abcd"));
        CHECK(code_of([&] { run(b.async_recv(1)); }) == errc::packet_truncated);
        CHECK(b.recv(20s) == byte_view("next"));
    }
}

TEST_CASE("packets: asking for nothing takes nothing")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        CHECK(b.recv(0, deadline::now()).empty());
        a.send("x");
        CHECK(b.recv(0).empty());
        CHECK(b.recv_into({}) == 0);
        CHECK(b.recv(20s) == byte_view("x"));
        CHECK(code_of([&] { (void)b.recv(static_cast<std::size_t>(-1)); }) == errc::invalid_argument);
    }
}

TEST_CASE("packets: several buffers are one packet, however many")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        a.send({"ab", "", "c"});
        CHECK(b.recv(20s) == byte_view("abc"));
        const std::vector<byte_view> many(200, byte_view("xyz"));
        CHECK(a.send(std::span(many)) == 600);
        CHECK(b.recv(20s).size() == 600);
        CHECK_FALSE(b.try_recv());
    }
}

TEST_CASE("packets: one is one message, without the framing's own bytes")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        message_duplex<varint> va(a);
        message_duplex<multiprocessing_bytes> mb(b);
        for (const std::size_t n : {0u, 5u, 300u, 20'000u}) {
            CHECK(va.send(pattern(n)) == n);
            CHECK(b.recv(20s) == pattern(n));
            run(va.async_send(pattern(n)));
            CHECK(mb.recv(20s) == pattern(n));
            mb.send(pattern(n, 1));
            bytes reused(byte_view("old"));
            va.recv_into(reused, 20s);
            CHECK(reused == pattern(n, 1));
        }
    }
}

TEST_CASE("packets: a message over the limit is refused on both sides, and the next one is read")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        message_duplex<varint> small(b, varint(), limits(10));
        CHECK(code_of([&] { small.send("eleven bytes"); }) == errc::too_large);
        a.send("eleven bytes");
        a.send("ten bytes.");
        bytes message(byte_view("unchanged"));
        CHECK(code_of([&] { small.recv_into(message, 20s); }) == errc::too_large);
        CHECK(message == byte_view("unchanged"));
        CHECK(small.recv(20s) == byte_view("ten bytes."));
    }
}

TEST_CASE("packets: one that the system does not take is a typed error, and nothing is sent")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        const bytes huge = pattern(10'000'000);
        CHECK(code_of([&] { a.send(huge, 20s); }) == errc::too_large);
        a.send("x");
        CHECK(b.recv(20s) == byte_view("x"));
    }
}

TEST_CASE("packets: what needs a stream is refused and takes nothing")
{
    for (const packets p : all_packets) {
        auto [a, b] = connected(p);
        a.send("line\n");
        CHECK(code_of([&] { (void)b.recv_line(20s); }) == errc::unsupported);
        CHECK(code_of([&] { (void)b.recv_until("x", 20s); }) == errc::unsupported);
        CHECK(code_of([&] { (void)b.recv_all(20s); }) == errc::unsupported);
        CHECK(b.recv(20s) == byte_view("line\n"));
    }
}

TEST_CASE("packets: a send that finds no room leaves nothing behind")
{
    for (const packets p : {packets::unix_datagram, packets::seqpacket}) {
        auto [a, b] = connected(p);
        std::size_t taken = 0;
        error_code ec;
        while (a.send(pattern(1000), deadline::now(), ec) != 0)
            ++taken;
        CHECK(ec == errc::timed_out);
        for (std::size_t i = 0; i < taken; ++i)
            CHECK(b.recv(20s) == pattern(1000));
        CHECK_FALSE(b.try_recv());
        CHECK(a.close() == 0);
    }
}

TEST_CASE("packets: on seqpacket an empty packet is not the end, and the end is")
{
    auto [a, b] = connected(packets::seqpacket);
    a.send("");
    a.send("x");
    a.send("");
    a.send("y");
    a.close();
    CHECK(b.recv(20s).empty());
    CHECK(b.recv(20s) == byte_view("x"));
    CHECK(b.recv(20s).empty());
    CHECK(b.recv(20s) == byte_view("y"));
    CHECK(code_of([&] { (void)b.recv(20s); }) == errc::end_of_stream);
    CHECK(code_of([&] { (void)message_duplex<>(b).recv(20s); }) == errc::end_of_stream);
}

TEST_CASE("packets: one that was read for a handler that dies is still there")
{
    auto [a, b] = connected(packets::seqpacket);
    a.send("kept");
    {
        asio::io_context context;
        b.async_recv(asio::bind_executor(context, [](error_code, bytes) {}));
        b.async_recv(asio::bind_executor(context, [](error_code, bytes) {}));
    }
    CHECK(b.recv(20s) == byte_view("kept"));
}
