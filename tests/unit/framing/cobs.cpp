#include <ferrule/framing/cobs.hpp>

#include "support/random.hpp"
#include "support/test.hpp"

using outcome = decode_status;

namespace {

// One zero at a time, from the end: another way to stuff.
std::string stuffed_from_the_end(const std::string& message)
{
    std::string out;
    std::string block;
    for (std::size_t i = 0; i <= message.size(); ++i) {
        if (i == message.size() || message[i] == '\0') {
            out += static_cast<char>(block.size() + 1);
            out += block;
            block.clear();
        } else {
            block += message[i];
            if (block.size() == 254 && i + 1 != message.size()) {
                out += '\xff';
                out += block;
                block.clear();
            }
        }
    }
    return out + std::string(1, '\0');
}

} // namespace

TEST_CASE("cobs: messages are stuffed as by another encoder, and restored")
{
    test::dice dice(1);
    for (std::size_t size = 0; size < 800; ++size) {
        std::string message(size, 'x');
        for (std::size_t zeros = dice(4); zeros > 0 && size > 0; --zeros)
            message[dice(static_cast<std::uint32_t>(size))] = '\0';
        const std::string frame = frame_of(cobs(), message);
        REQUIRE(frame == stuffed_from_the_end(message));
        cobs f;
        const decode_result r = f.decode(frame, limits(size));
        REQUIRE(r.status() == outcome::frame);
        REQUIRE(f.load(bytes(byte_view(frame).subspan(r.header(), r.payload()))) == byte_view(message));
        if (size > 0)
            REQUIRE(f.decode(frame, limits(size - 1)).error() == errc::too_large);
    }
}

TEST_CASE("cobs: what is no chain of blocks is noise")
{
    for (const char* const frame : {"0200", "0361 00", "FF61 00", "0102 00", "00000500"}) {
        CAPTURE(frame);
        cobs f;
        const std::string text = from_hex(frame);
        const decode_result r = f.decode(text, {});
        CHECK(r.status() == outcome::skip);
        CHECK(r.size() == text.size());
    }
    CHECK_THROWS_AS(cobs().load(bytes(byte_view("\x05x"))), frame_error);
    CHECK_THROWS_AS(cobs().load(bytes(byte_view(std::string_view("\x01\0", 2)))), frame_error);
}

TEST_CASE("cobs: zero bytes between frames do not fill the memory")
{
    cobs f;
    const decode_result r = f.decode(std::string(1000, '\0'), {});
    CHECK(r.status() == outcome::skip);
    CHECK(r.size() == 256);
}

TEST_CASE("cobs: the limit bounds a message that has not ended")
{
    CHECK(cobs().decode(std::string(300, '\xff'), limits(298)).status() == outcome::need_more);
    CHECK(cobs().decode(std::string(300, '\xff'), limits(297)).error() == errc::too_large);
}
