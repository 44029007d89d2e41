// The golden bytes of framing/README.md, which says what the blocks mean.
#include <ferrule/framing/any_framing.hpp>

#include "support/test.hpp"

using outcome = decode_status;
using record = std::vector<std::string>;

namespace {

const std::map<std::string, errc> codes = {{"too_large", errc::too_large}, {"malformed", errc::malformed}};

error_code encode(const any_framing& f, byte_view payload, const limits& l, encoded& out)
{
    return f.encode(std::span(&payload, 1), l, out);
}

record split(const std::string& line)
{
    record fields;
    std::size_t from = 0;
    for (std::size_t bar; (bar = line.find(" | ", from)) != std::string::npos; from = bar + 3)
        fields.push_back(line.substr(from, bar - from));
    fields.push_back(line.substr(from));
    return fields;
}

// The records of one block. A README without the block, or with a record of another shape, is a mistake.
std::vector<record> block(const std::string& name)
{
    std::ifstream file(FERRULE_SOURCE_DIR "/framing/README.md");
    REQUIRE(file.is_open());
    std::vector<record> records;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line == "```" + name)
            inside = true;
        else if (line.rfind("```", 0) == 0)
            inside = false;
        else if (inside) {
            CAPTURE(line);
            records.push_back(split(line));
            REQUIRE(records.back().size() == 3);
        }
    }
    REQUIRE(!records.empty());
    return records;
}

// "-", "616263" or "240xAB".
std::string payload_of(const std::string& text)
{
    if (const auto x = text.find('x'); x != std::string::npos)
        return std::string(std::stoul(text), from_hex(text.substr(x + 1)).at(0));
    return from_hex(text);
}

} // namespace

TEST_CASE("framing: golden messages and frames are each other's encoding and decoding")
{
    std::set<std::string> seen;
    for (const record& r : block("golden")) {
        CAPTURE(r);
        seen.insert(r[0].substr(0, r[0].find(':')));
        any_framing f(r[0]);
        const std::string payload = payload_of(r[1]);
        const bool shortened = r[2].ends_with("...");
        const std::string frame = from_hex(r[2]) + (shortened ? payload : "");

        encoded e;
        REQUIRE(!encode(f, payload, limits(), e));
        CHECK(e.size() == frame.size());
        CHECK((flat(e) == frame));
        const decode_result d = f.decode(frame, limits());
        REQUIRE(d.status() == outcome::frame);
        CHECK(d.size() == frame.size());
        CHECK((f.load(bytes(byte_view(frame).subspan(d.header(), d.payload()))) == byte_view(payload)));
    }
    for (const std::string_view name : any_framing::names())
        CHECK(seen.contains(std::string(name.substr(0, name.find_first_of(":[")))));
}

TEST_CASE("framing: golden headers of what is too long to write down")
{
    for (const record& r : block("golden-headers")) {
        CAPTURE(r);
        any_framing f(r[0]);
        const std::size_t length = std::stoull(r[1]);
        encoded e;
        REQUIRE(!encode(f, untouchable(length), limits(SIZE_MAX), e));
        CHECK(to_hex(e.part(0)) == to_hex(from_hex(r[2])));
        const decode_result d = f.decode(from_hex(r[2]), limits(SIZE_MAX));
        if (length > SIZE_MAX - from_hex(r[2]).size())
            CHECK(d.error() == errc::too_large);
        else {
            REQUIRE(d.status() == outcome::need_more);
            CHECK(d.needed() == length);
        }
    }
}

TEST_CASE("framing: golden frames that are understood, but never sent")
{
    for (const record& r : block("golden-accepted")) {
        CAPTURE(r);
        any_framing f(r[0]);
        const std::string payload = payload_of(r[1]);
        const std::string frame = from_hex(r[2]);
        const decode_result d = f.decode(frame, limits());
        REQUIRE(d.status() == outcome::frame);
        CHECK((f.load(bytes(byte_view(frame).subspan(d.header(), d.payload()))) == byte_view(payload)));
        CHECK(d.size() == frame.size());
        encoded e;
        REQUIRE(!encode(any_framing(r[0]), payload, limits(), e));
        CHECK(flat(e) != frame);
    }
}

TEST_CASE("framing: golden bytes that a receiver refuses")
{
    for (const record& r : block("golden-refused")) {
        CAPTURE(r);
        any_framing f(r[0]);
        const decode_result d = f.decode(from_hex(r[1]), limits());
        REQUIRE(d.status() == outcome::failed);
        CHECK(d.error() == codes.at(r[2]));
    }
}
