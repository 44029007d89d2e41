// P5: no length is trusted.
#include "support/each_stream.hpp"
#include "support/faulty.hpp"
#include "support/memory_cap.hpp"
#include "support/test.hpp"

#include <ferrule/framing/any_framing.hpp>
#include <ferrule/platform/descriptor_pair.hpp>

namespace {

using namespace std::literals;

constexpr std::size_t mebibyte = 1024 * 1024;

// Headers that announce more than anybody has.
const std::string_view huge_varint = "\xff\x00\x00\x7f\xff\xff\xff\xff\xff"sv;
const std::string_view huge_multiprocessing = "\xff\xff\xff\xff\x00\x00\x7f\xff\xff\xff\xff\xff"sv;

template <class Framing>
void refuse_and_poison(std::string_view header, errc expected, const Framing& f = {})
{
    for_each_stream([&](writer& w, reader& r, style s) {
        message_reader<Framing> m(r, f);
        w.send({byte_view(header), "payload"});
        for (int again = 0; again < 3; ++again)
            CHECK(recv(s, m, 20s).error == expected);
        // Nothing is lost for who wants the bytes.
        CHECK(r.recv(header.size(), 20s) == byte_view(header));
        CHECK(r.recv(7, 20s) == byte_view("payload"));
    });
}

// The same for framings by name: a header that announces more than the limit.
struct hostile {
    const char* framing;
    std::string_view header;
};
constexpr hostile too_much[] = {
    {"leb128", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv},
    {"u32be", "\x80\x00\x00\x00"sv},
    {"u64le", "\xff\xff\xff\xff\xff\xff\xff\x3f"sv},
    {"netstring", "4611686018427387904:"sv},
    {"lsp", "Content-Length: 10737418240\r\n\r\n"sv},
    {"json", "Content-Length: 10737418240\r\n\r\n"sv},
    {"msgpack", "\xdb\xff\xff\xff\xff"sv},
};

// How much memory is offered to the descriptor beyond twice what has arrived.
template <class Framing>
void check_growth(std::string_view header, std::size_t arriving, const Framing& framing = {},
                  const std::vector<testing::connection_kind>& over = streams_with_end())
{
    for (const testing::connection_kind& k : over)
        for (const style how : all_styles) {
            INFO(k.name << ", " << name(how));
            connection l(k);
            auto f = std::make_shared<faults>();
            message_reader<Framing> m(descriptor(faulty(std::move(l.receiver), f)), framing, limits(SIZE_MAX / 2));
            std::jthread sending([w = writer(std::move(l.sender)), header, arriving]() mutable {
                w.send(header);
                w.send(pattern(arriving));
            });
            CHECK(recv(how, m, 20s).error == errc::truncated);
            CHECK(f->received == header.size() + arriving);
            CHECK(f->max_asked_beyond <= mebibyte);
        }
}

} // namespace

TEST_CASE("P5: an announced size beyond the limit is refused before anything is allocated")
{
    refuse_and_poison<varint>(huge_varint, errc::too_large);
    refuse_and_poison<multiprocessing_bytes>(huge_multiprocessing, errc::too_large);
    refuse_and_poison<multiprocessing_bytes>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, errc::too_large);
    for (const hostile& h : too_much) {
        INFO(h.framing);
        refuse_and_poison(h.header, errc::too_large, any_framing(h.framing));
    }
    refuse_and_poison("\xdd\xff\xff\xff\xff"sv, errc::too_large,
                      any_framing("msgpack")); // four thousand million elements
    refuse_and_poison(std::string(1000, '\x91'), errc::too_large, any_framing("msgpack"));
    refuse_and_poison("Content-Length: 99999999999999999999999\r\n\r\n"sv, errc::too_large, any_framing("lsp"));
}

TEST_CASE("P5: garbage where a header should be is a malformed frame")
{
    refuse_and_poison<multiprocessing_bytes>("\xff\xff\xff\xfe"sv, errc::malformed);
    refuse_and_poison<multiprocessing_bytes>("\x80\x00\x00\x00"sv, errc::malformed);
    refuse_and_poison("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, errc::malformed, any_framing("leb128"));
    refuse_and_poison("5;hello,"sv, errc::malformed, any_framing("netstring"));
    refuse_and_poison("GET / HTTP/1.1\r\n"sv, errc::malformed, any_framing("lsp"));
    refuse_and_poison("<xml>"sv, errc::malformed, any_framing("json"));
    refuse_and_poison("\x92\x01\xc1"sv, errc::malformed, any_framing("msgpack"));
}

TEST_CASE("P5: memory grows with what arrives, not with what is announced")
{
    check_growth<varint>(huge_varint, 3);
    check_growth<varint>(huge_varint, 5 * mebibyte);
    check_growth<multiprocessing_bytes>(huge_multiprocessing, 5 * mebibyte);
    const std::vector<testing::connection_kind> one{kind("socketpair")};
    for (const hostile& h : too_much) {
        INFO(h.framing);
        check_growth(h.header, 3 * mebibyte, any_framing(h.framing), one);
    }
    check_growth("x"sv, 3 * mebibyte, any_framing("lines:END"), one); // a line that never ends
}

TEST_CASE("P5: a whole message costs its own size and little more")
{
    for (const std::size_t n : {100u, 5'000u, 70'000u, 1'500'000u, 20'000'000u}) {
        INFO(n);
        connection l(kind("socketpair"));
        std::jthread sending([w = message_writer<>(std::move(l.sender)), n]() mutable { w.send(pattern(n)); });
        message_reader<> m(std::move(l.receiver));
        const bytes got = m.recv(20s);
        CHECK(got == pattern(n));
        CHECK(got.footprint() <= n + mebibyte);
    }
}

TEST_CASE("P5: a hostile header under a cap on the whole process's memory")
{
    for (const testing::connection_kind& k : streams_with_end())
        for (const style how : all_styles) {
            INFO(k.name << ", " << name(how));
            const memory_cap cap(64 * mebibyte);
            connection l(k);
            message_reader<> m(std::move(l.receiver), {}, limits(SIZE_MAX / 2));
            {
                writer w(std::move(l.sender));
                w.send({byte_view(huge_varint), "some bytes"});
            }
            CHECK(recv(how, m, 20s).error == errc::truncated);
        }
}

TEST_CASE("P5: recv_until, recv_line and recv_all are bounded, and leave the bytes where they are")
{
    auto ends = pipe_descriptors();
    reader r(std::move(ends.first), limits(5));
    writer w(std::move(ends.second));
    w.send("12345\n");
    CHECK(r.recv_line() == byte_view("12345"));
    w.send("123456\n");
    CHECK_THROWS_AS(r.recv_line(20s), frame_error);
    CHECK_THROWS_AS(r.recv_until("\n", 20s), frame_error);
    CHECK(r.recv(6) == byte_view("123456"));
    CHECK(r.recv_until("\n") == byte_view("\n"));
    w.send("12345678"); // no end of line at all
    CHECK_THROWS_AS(r.recv_line(20s), frame_error);
    CHECK_THROWS_AS(r.recv_all(20s), frame_error);
    CHECK(r.recv(8) == byte_view("12345678"));
    w.send("12345");
    w.close();
    CHECK(r.recv_all() == byte_view("12345"));
    CHECK(r.recv_all().empty());
}
