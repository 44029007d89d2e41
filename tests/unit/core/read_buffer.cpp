// The buffer between a descriptor and those who read, without a descriptor.
#include "src/core/read_buffer.hpp"

#include "support/test.hpp"

using ferrule::byte_view;
using ferrule::bytes;
using ferrule::detail::read_buffer;

namespace {

void fill(read_buffer& b, std::string_view text)
{
    for (std::size_t done = 0; done < text.size();) {
        const auto room = b.room(text.size() - done);
        REQUIRE_FALSE(room.empty());
        const std::size_t n = std::min(room.size(), text.size() - done);
        std::memcpy(room.data(), text.data() + done, n);
        b.filled(n);
        done += n;
    }
}

std::string take(read_buffer& b, std::size_t skip, std::size_t size, std::size_t drop)
{
    bytes to;
    b.take(skip, size, drop, to);
    return std::string(to.text());
}

} // namespace

TEST_CASE("read_buffer: gives what was filled in, in order, and counts the stream")
{
    read_buffer b;
    fill(b, "headpayloadtail");
    CHECK(b.size() == 15);
    CHECK(take(b, 4, 7, 2) == "payload");
    CHECK(b.view().text() == "il");
    CHECK(b.position() == 13);
    CHECK(b.received() == 15);
    char two[2];
    CHECK(b.take_into(std::as_writable_bytes(std::span(two))) == 2);
    CHECK(std::string_view(two, 2) == "il");
    CHECK(b.empty());
    CHECK(b.position() == 15);
    b.passed(10);
    CHECK(b.received() == 25);
}

TEST_CASE("read_buffer: what is put back comes before what is there")
{
    read_buffer b;
    fill(b, "abcdef");
    char three[3];
    CHECK(b.take_into(std::as_writable_bytes(std::span(three))) == 3);
    b.put_back(byte_view(std::string_view(three, 3)));
    CHECK(b.view().text() == "abcdef");
    CHECK(b.position() == 0);
}

TEST_CASE("read_buffer: a large frame changes hands, and what follows it stays")
{
    const std::string large(read_buffer::large, 'x');
    for (const std::string after :
         {"", "a", "more than a look ahead allows: 64 bytes are copied, and no more than these"}) {
        INFO(after);
        read_buffer b;
        fill(b, "head" + large + after);
        CHECK(take(b, 4, large.size(), 0) == large);
        CHECK(b.view().text() == after);
        CHECK(b.position() == 4 + large.size());
    }
}

TEST_CASE("read_buffer: asks for what is missing, and never for more than 1 MiB beyond what has come")
{
    constexpr std::size_t mebibyte = 1024 * 1024;
    read_buffer b;
    CHECK(b.room(1).size() <= 64 * 1024);
    b.filled(0);
    CHECK(b.room(100'000).size() >= 100'000);
    b.filled(0);
    CHECK(b.room(SIZE_MAX / 2).size() <= mebibyte);
    b.filled(0);
    fill(b, std::string(3 * mebibyte, 'x'));
    const std::size_t room = b.room(SIZE_MAX / 2).size();
    CHECK(room > mebibyte); // as much again as has come is trusted as well
    CHECK(room <= 4 * mebibyte);
    b.filled(0);
    read_buffer packets;
    CHECK(packets.room_for_packet(5 * mebibyte).size() >= 5 * mebibyte); // the system has it already
    packets.filled(0);
}

TEST_CASE("read_buffer: input in small pieces grows it a few times, not for each piece")
{
    constexpr std::size_t piece = 1000;
    for (const std::size_t needed : {std::size_t{10'000'000}, SIZE_MAX / 2}) {
        INFO(needed);
        read_buffer b;
        std::size_t room = 0;
        int grown = 0;
        for (std::size_t have = 0; have < 10'000'000; have += piece) {
            const std::size_t next = b.room(needed - have).size();
            grown += next > room ? 1 : 0;
            room = next - piece;
            b.filled(piece);
        }
        CHECK(b.size() == 10'000'000);
        CHECK(grown <= 24);
    }
}

TEST_CASE("read_buffer: remembers what was searched, for these separators, until bytes are taken")
{
    read_buffer b;
    const std::vector<std::string> newline{"\n"};
    const std::vector<std::string> other{"\r\n", "\n"};
    fill(b, "no end of line yet");
    CHECK(b.searched(newline) == 0);
    b.set_searched(newline, b.size());
    fill(b, ", nor here");
    CHECK(b.searched(newline) == 18);
    CHECK(b.searched(other) == 0);
    CHECK(take(b, 0, 2, 0) == "no");
    CHECK(b.searched(newline) == 0);
    b.set_searched(newline, 5);
    b.put_back("again ");
    CHECK(b.searched(newline) == 0);
}
