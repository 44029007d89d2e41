// Time: what arrives one byte at a time is looked at once. Quadratic scanning of these streams would take days.
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>

#include "support/test.hpp"

using outcome = decode_status;

namespace {

#if defined(_WIN32) // cross builds are not optimised
constexpr std::size_t stream_size = std::size_t{4} << 20;
#else
constexpr std::size_t stream_size = std::size_t{sanitized ? 1 : 64} << 20;
#endif

constexpr std::size_t few = stream_size / 16; // where frames are small

std::string repeated(std::string_view what, std::size_t size = stream_size)
{
    std::string all;
    all.reserve(size + what.size());
    while (all.size() < size)
        all += what;
    return all;
}

// Feeds the stream byte by byte; returns how many frames there were before the last byte or an error.
std::size_t frames(any_framing f, std::string_view stream, error_code& ec)
{
    const limits unlimited(SIZE_MAX / 2);
    std::size_t count = 0;
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= stream.size(); ++end) {
        const decode_result r = f.decode(stream.substr(begin, end - begin), unlimited);
        if (r.status() == outcome::failed) {
            ec = r.error();
            return count;
        }
        if (r.status() == outcome::frame) {
            ++count;
            begin += r.size();
        }
    }
    return count;
}

std::string big_endian(std::size_t n)
{
    std::string s;
    for (int shift = 24; shift >= 0; shift -= 8)
        s += static_cast<char>(n >> shift & 0xff);
    return s;
}

} // namespace

TEST_CASE("framing: time is linear in what arrives, one byte at a time")
{
    struct hostile {
        const char* framing;
        std::string stream;
        std::size_t expected;
    };
    const std::function<hostile()> streams[] = {
        [] { return hostile{"lines", repeated("x"), 0}; },
        [] { return hostile{"lines:END", repeated("EN"), 0}; },
        [] { return hostile{"lines:aaaaaaaaab", repeated("a"), 0}; },
        [] { return hostile{"lines", repeated("\n", few), few}; },
        [] { return hostile{"lsp", repeated("Content-Length:1\n\nx", few), (few + 18) / 19}; },
        [] { return hostile{"netstring", repeated("1:x,", few), few / 4}; },
        [] { return hostile{"varint", repeated("\1x", few), few / 2}; },
        [] { return hostile{"msgpack", "\xdb" + big_endian(stream_size) + repeated("x"), 1}; },
        // As many objects as are allowed, and no end.
        [] { return hostile{"msgpack", "\xdd" + big_endian((1 << 24) - 1) + std::string((1 << 24) - 2, '\xc0'), 0}; },
    };
    for (const auto& make : streams) {
        const hostile h = make();
        CAPTURE(h.framing, h.expected);
        error_code ec;
        CHECK(frames(any_framing(h.framing), h.stream, ec) == h.expected);
        CHECK(!ec);
    }
}

TEST_CASE("framing: headers without end, and nesting without end, are refused early")
{
    const auto error = [](const char* framing, const std::string& stream) {
        error_code ec;
        frames(any_framing(framing), stream, ec);
        return ec;
    };
    CHECK(error("lsp", repeated("x")) == errc::too_large);
    CHECK(error("lsp", repeated("X: y\r\n")) == errc::too_large);
    CHECK(error("lsp", "Content-Length: " + repeated("0")) == errc::too_large);
    const std::string late = repeated("X: y\r\n", 8192) + "Content-Length: 1\r\n\r\nx"; // all at once
    CHECK(any_framing("lsp").decode(late, limits()).error() == errc::too_large);
    CHECK(error("netstring", repeated("9")) == errc::too_large);
    CHECK(error("netstring", repeated("0")) == errc::malformed);
    CHECK(error("leb128", repeated("\x80")) == errc::malformed);
    CHECK(error("msgpack", repeated("\x91")) == errc::too_large);
    CHECK(error("msgpack", repeated("\x81\xc0")) == errc::too_large);
    error_code ec; // more objects than allowed
    frames(any_framing(msgpack_bytes(512, 1000)), "\xdd\xff\xff\xff\xff" + repeated("\xc0"), ec);
    CHECK(ec == errc::too_large);
}
