// The golden bytes of framing/README.md, which says what the blocks mean.
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/framing/varint.hpp>

#include "support/catch.hpp"
#include "support/framing_bytes.hpp"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace ferrule;
using namespace ferrule::test;
using outcome = decode_result::outcome;
using record = std::vector<std::string>;

namespace {

struct codec {
    std::function<decode_result(byte_view, const limits&)> decode;
    std::function<error_code(byte_view, const limits&, encoded&)> encode;
};

template <class Framing>
codec codec_of()
{
    return {[](byte_view b, const limits& l) { return Framing().decode(b, l); },
            [](byte_view b, const limits& l, encoded& e) { return Framing().encode(std::span(&b, 1), l, e); }};
}

const std::map<std::string, codec> framings = {
    {"varint", codec_of<varint>()},
    {"multiprocessing_bytes", codec_of<multiprocessing_bytes>()},
    {"none", codec_of<none>()},
};

const std::map<std::string, errc> codes = {{"too_large", errc::too_large}, {"malformed", errc::malformed}};

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
            // Those of typed framings are for the tests of those.
            if (framings.count(records.back()[0]) == 0)
                records.pop_back();
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
        seen.insert(r[0]);
        const codec& f = framings.at(r[0]);
        const std::string payload = payload_of(r[1]);
        const bool shortened = r[2].size() >= 3 && r[2].substr(r[2].size() - 3) == "...";
        const std::string start = from_hex(r[2]);
        const std::size_t header = shortened ? start.size() : start.size() - payload.size();

        encoded e;
        REQUIRE(!f.encode(payload, limits(), e));
        CHECK(e.size() == header + payload.size());
        std::size_t at = 0;
        for (std::size_t i = 0; i < e.parts(); ++i) {
            const byte_view part = e.part(i);
            if (at < header)
                CHECK(to_hex(part) == to_hex(byte_view(start).subspan(at, part.size())));
            else
                CHECK((part == byte_view(payload).subspan(at - header, part.size())));
            at += part.size();
        }

        const std::string frame = start.substr(0, header) + payload;
        const decode_result d = f.decode(frame, limits());
        if (frame.empty()) {
            CHECK(d.what() == outcome::need_more);
            continue;
        }
        REQUIRE(d.what() == outcome::frame);
        CHECK(d.header() == header);
        CHECK(d.payload() == payload.size());
        CHECK(d.trailer() == 0);
    }
    CHECK(seen.size() == framings.size()); // none is without golden bytes
}

TEST_CASE("framing: golden headers of what is too long to write down")
{
    for (const record& r : block("golden-headers")) {
        CAPTURE(r);
        const codec& f = framings.at(r[0]);
        const std::size_t length = std::stoull(r[1]);
        encoded e;
        REQUIRE(!f.encode(untouchable(length), limits(SIZE_MAX), e));
        CHECK(to_hex(e.part(0)) == to_hex(from_hex(r[2])));
        const decode_result d = f.decode(from_hex(r[2]), limits(SIZE_MAX));
        if (length > SIZE_MAX - from_hex(r[2]).size())
            CHECK(d.error() == errc::too_large);
        else {
            REQUIRE(d.what() == outcome::need_more);
            CHECK(d.needed() == length);
        }
    }
}

TEST_CASE("framing: golden frames that are understood, but never sent")
{
    for (const record& r : block("golden-accepted")) {
        CAPTURE(r);
        const codec& f = framings.at(r[0]);
        const std::string payload = payload_of(r[1]);
        const std::string frame = from_hex(r[2]);
        const decode_result d = f.decode(frame, limits());
        REQUIRE(d.what() == outcome::frame);
        CHECK(byte_view(frame).subspan(d.header(), d.payload()) == byte_view(payload));
        CHECK(d.header() + d.payload() == frame.size());
        encoded e;
        REQUIRE(!f.encode(payload, limits(), e));
        CHECK(flat(e) != frame);
    }
}

TEST_CASE("framing: golden bytes that a receiver refuses")
{
    for (const record& r : block("golden-refused")) {
        CAPTURE(r);
        const codec& f = framings.at(r[0]);
        const decode_result d = f.decode(from_hex(r[1]), limits());
        REQUIRE(d.what() == outcome::failed);
        CHECK(d.error() == codes.at(r[2]));
    }
}
