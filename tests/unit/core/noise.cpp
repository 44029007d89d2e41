// Noise that a framing finds in a stream: it is dropped, counted once, and costs no message.
#include "support/test.hpp"

#include "support/memory_pair.hpp"
#include "support/random.hpp"

#include <ferrule/framing/checksummed.hpp>
#include <ferrule/framing/cobs.hpp>
#include <ferrule/framing/framed.hpp>
#include <ferrule/framing/slip.hpp>

namespace {

template <class Framing>
struct noisy_line {
    noisy_line()
    {
        auto ends = socketpair();
        line = std::move(ends.first);
        in = message_duplex<Framing>(std::move(ends.second));
    }

    void noise(std::string_view hex) { line.send(from_hex(std::string(hex)), timeout); }
    void message(std::string_view text) { line.send(frame_of(Framing(), text), timeout); }

    duplex line;
    message_duplex<Framing> in;
};

} // namespace

TEST_CASE("noise: is dropped and counted, in every style of receiving")
{
    noisy_line<cobs> l;
    CHECK(l.in.skipped() == 0);
    l.noise("0561 00");
    l.message("first");
    CHECK(l.in.recv(timeout) == "first");
    CHECK(l.in.skipped() == 3);

    l.noise("0561 00");
    l.message("second");
    CHECK(l.in.next(timeout).value() == "second");
    CHECK(l.in.skipped() == 6);

    l.noise("0561 00");
    bytes reused;
    l.message(std::string("th\0rd", 5));
    l.in.recv_into(reused, timeout);
    CHECK(reused == std::string("th\0rd", 5));

    l.noise("0561 00");
    l.message("fourth");
    CHECK(l.in.try_recv().value() == "fourth");
    CHECK(l.in.skipped() == 12);

    run([](noisy_line<cobs>& line, bytes& to) -> asio::awaitable<void> {
        line.noise("0561 00");
        line.message("fifth");
        const bytes fifth = co_await line.in.async_recv();
        CHECK(fifth == "fifth");
        line.noise("0561 00");
        line.message(std::string("s\0xth", 5));
        const std::size_t n = co_await line.in.async_recv_into(to);
        CHECK(n == 5);
        CHECK(to == std::string("s\0xth", 5));
        line.noise("0561 00");
        line.line.shutdown_send();
        const auto end = co_await line.in.async_next();
        CHECK(!end);
    }(l, reused));
    CHECK(l.in.skipped() == 21);
}

TEST_CASE("noise: a receive that gives up before the frame has dropped it, and the next one counts nothing again")
{
    noisy_line<slip> l;
    l.noise("6162DB00 C0");
    CHECK_THROWS_AS(l.in.recv(0s), timeout_error);
    CHECK(l.in.skipped() == 5);
    CHECK(l.in.peek_partial().empty());
    l.noise("DB61 C0 61");
    CHECK_THROWS_AS(l.in.recv(0s), timeout_error);
    CHECK(l.in.skipped() == 8);
    CHECK(l.in.peek_partial() == "a");
    l.noise("C0");
    CHECK(l.in.recv(timeout) == "a");
    CHECK(l.in.skipped() == 8);
}

TEST_CASE("noise: endless noise keeps no receive beyond its deadline, and no memory")
{
    noisy_line<cobs> l;
    std::jthread sender([&](const std::stop_token& stop) {
        const std::string noise(100'000, '\x00');
        const std::string more = from_hex("0561 00");
        try {
            while (!stop.stop_requested()) {
                l.line.send(noise, until(timeout, stop));
                l.line.send(more, until(timeout, stop));
            }
        } catch (const error&) { // closed or stopped
        }
    });
    CHECK_THROWS_AS(l.in.recv(100ms), timeout_error);
    CHECK(l.in.skipped() > 1000);
    l.in.close();
}

TEST_CASE("noise: an error of the framing is not skipped, and the stream goes on behind the bad message")
{
    auto [line, end] = socketpair();
    message_duplex<cobs> in(std::move(end), cobs(), limits(3));
    line.send(frame_of(cobs(), "long") + frame_of(cobs(), "ok"), timeout);
    for (int i = 0; i < 2; ++i)
        CHECK(code_of([&r = in] { (void)r.recv(timeout); }) == errc::too_large);
    CHECK(in.take_partial(timeout).size() == 6);
    CHECK(in.recv(timeout) == "ok");
    CHECK(in.skipped() == 0);
}

TEST_CASE("noise: a packet in another form is an error of that packet alone")
{
    auto [out, in] = memory_packet_pair();
    message_duplex<cobs> receiving(std::move(in));
    duplex sending(std::move(out));
    sending.send(from_hex("0561"), timeout);
    sending.send(from_hex("0261"), timeout);
    CHECK(code_of([&r = receiving] { (void)r.recv(timeout); }) == errc::malformed);
    CHECK(receiving.recv(timeout) == "a");
}

TEMPLATE_TEST_CASE("noise: of a million random bytes no frame is invented, and no frame lost", "", checksummed<cobs>,
                   checksummed<slip>)
{
    test::dice dice(1);
    const char delimiter = std::same_as<TestType, checksummed<cobs>> ? '\0' : '\xc0';
    std::string stream;
    std::vector<std::string> sent;
    std::size_t noise = 0;
    while (noise < 1'000'000) {
        for (std::size_t n = dice(2000); n > 0; --n, ++noise)
            stream += static_cast<char>(dice(256));
        stream += delimiter; // what noise has begun hits the frame that it runs into
        for (std::size_t n = 1 + dice(3); n > 0; --n) {
            std::string message = "message " + std::to_string(sent.size());
            message.resize(message.size() + dice(300), static_cast<char>(dice(256)));
            stream += frame_of(TestType(), message);
            sent.push_back(std::move(message));
        }
    }
    auto [line, end] = socketpair();
    message_duplex<TestType> in(std::move(end));
    std::jthread sender([&to = line, &stream] {
        to.send(stream, timeout);
        to.shutdown_send();
    });
    std::size_t got = 0;
    while (const auto m = in.next(timeout)) {
        REQUIRE(got < sent.size());
        REQUIRE(*m == byte_view(sent[got]));
        ++got;
    }
    CHECK(got == sent.size());
    CHECK(in.skipped() > 900'000);
    CHECK(in.skipped() < 1'100'000);
}

TEST_CASE("noise: what may lie between two messages is no part of one at the end of the stream")
{
    noisy_line<cobs> zeros;
    zeros.message("last");
    zeros.noise("000000");
    zeros.line.shutdown_send();
    CHECK(zeros.in.next(timeout).value() == "last");
    CHECK(!zeros.in.next(timeout));
    noisy_line<slip> ends;
    ends.noise("C0C0C0");
    ends.line.shutdown_send();
    CHECK_THROWS_AS(ends.in.recv(timeout), eof_error);
    noisy_line<slip> cut;
    cut.noise("C061");
    cut.line.shutdown_send();
    CHECK(code_of([&] { (void)cut.in.recv(timeout); }) == errc::truncated);
}
