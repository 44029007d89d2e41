// The largest datagrams, and those that are too large.
#include "support/test.hpp"
#include "support/windows/pairs.hpp"

namespace {

constexpr std::size_t largest = 65'507;
bytes datagram(std::size_t size)
{
    bytes b;
    b.resize(size);
    for (std::size_t i = 0; i < size; ++i)
        b[i] = static_cast<std::byte>(i % 251);
    return b;
}

std::pair<duplex, duplex> connected()
{
    auto [a, b] = udp_pair();
    return {duplex(std::move(a)), duplex(std::move(b))};
}

} // namespace

TEST_CASE("UDP: the largest datagram arrives whole")
{
    auto [a, b] = connected();
    const bytes data = datagram(largest);
    CHECK(a.send(data, timeout) == largest);
    CHECK(b.recv(timeout) == data);
    CHECK(run(a.async_send(data, timeout)) == largest);
    CHECK(run(b.async_recv(timeout)) == data);

    // What does not fit the caller's buffer is cut once, and the next one is whole.
    a.send(data, timeout);
    a.send("next", timeout);
    error_code ec;
    CHECK(b.recv(10, timeout, ec) == byte_view(data).first(10));
    CHECK(ec == errc::packet_truncated);
    CHECK(b.recv(timeout) == byte_view("next"));
}

TEST_CASE("UDP: one that is too large is refused, and the socket goes on")
{
    auto [a, b] = connected();
    for (const std::size_t size : {largest + 1, std::size_t{65'535}, std::size_t{65'536}, std::size_t{10'000'000}}) {
        CAPTURE(size);
        const bytes data = datagram(size);
        error_code ec;
        CHECK(a.send(data, timeout, ec) == 0);
        CHECK(ec == errc::too_large);
        CHECK(code_of([&] { run(a.async_send(data, timeout)); }) == errc::too_large);
        const byte_view whole = data;
        CHECK(a.send({whole.first(size / 2), whole.subspan(size / 2)}, timeout, ec) == 0);
        CHECK(ec == errc::too_large);
        CHECK(a.unsent() == 0);
        CHECK_FALSE(b.try_recv());
    }
    a.send("x", timeout);
    CHECK(b.recv(timeout) == byte_view("x"));
    b.send("y", timeout);
    CHECK(a.recv(timeout) == byte_view("y"));
}
