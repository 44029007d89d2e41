// Receives that end with silence: the inter-byte timeout of serial lines.
#include "support/each_stream.hpp"
#include "support/test.hpp"

namespace {

using namespace std::literals;
using testing::kit::recv_n;
using testing::kit::recv_until_silence;

constexpr auto forever = std::chrono::nanoseconds::max(); // no silence is as long

} // namespace

TEST_CASE("silence: pieces that follow each other in time are one result, and the end completes it")
{
    for_each_stream([](writer& w, reader& r, style s) {
        std::jthread sending([&] {
            for (const char* piece : {"one ", "two ", "three"})
                w.send(piece);
            w.close();
        });
        CHECK(recv_until_silence(s, r, forever, 20s).value.text() == "one two three");
        CHECK(recv_until_silence(s, r, 1ms, 20s).error == errc::end_of_stream);
    });
}

TEST_CASE("silence: it ends a receive, and the stream goes on")
{
    for_each_stream([](writer& w, reader& r, style s) {
        for (const char* burst : {"first", "second"}) {
            w.send(burst);
            CHECK(recv_until_silence(s, r, 50ms, 20s).value.text() == burst);
        }
        w.send("1rest");
        CHECK(recv_n(s, r, 1, 20s).value.text() == "1");
        CHECK(recv_until_silence(s, r, 50ms, 20s).value.text() == "rest"); // read ahead, or not
    });
}

TEST_CASE("P1: a receive that waits for silence and times out, or is cancelled, loses nothing")
{
    for_each_stream([](writer& w, reader& r, style s) {
        w.send("abc");
        const auto late = recv_until_silence(s, r, forever, 300ms);
        CHECK(late.error == errc::timed_out);
        w.send("def");
        std::stop_source stop;
        stop.request_stop();
        CHECK(recv_until_silence(s, r, forever, stop.get_token()).error == errc::cancelled);
        CHECK(recv_n(s, r, 6, 20s).value.text() == "abcdef");
        CHECK(recv_until_silence(s, r, 1ms, deadline::now()).error == errc::timed_out);
    });
}

TEST_CASE("P5: a receive that waits for silence is bounded, and leaves the bytes where they are")
{
    for (const style s : all_styles) {
        INFO(name(s));
        connection l(kind("socketpair"));
        writer w(std::move(l.sender));
        reader r(std::move(l.receiver), limits(4));
        w.send("12345");
        CHECK(recv_until_silence(s, r, 1ms, 20s).error == errc::too_large);
        CHECK(recv_n(s, r, 4, 20s).value.text() == "1234");
        CHECK(recv_until_silence(s, r, 0ms, 20s).value.text() == "5");
    }
}

TEST_CASE("silence: packets have boundaries instead")
{
    for (const style s : all_styles) {
        connection l(kind("memory packets"));
        reader r(std::move(l.receiver));
        CHECK(recv_until_silence(s, r, 1ms, 20s).error == errc::unsupported);
    }
}
