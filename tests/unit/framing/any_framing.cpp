#include <ferrule/framing/any_framing.hpp>

#include <ferrule/framing/lines.hpp>

#include "support/test.hpp"

static_assert(byte_framing<any_framing>);

TEST_CASE("any_framing: arguments follow a colon, with escapes")
{
    CHECK(frame_of(any_framing("lines"), "a") == "a\n");
    CHECK(frame_of(any_framing("lines:\\r"), "a") == "a\r");
    CHECK(frame_of(any_framing("lines:\\x0d\\x0A"), "a") == "a\r\n");
    CHECK(frame_of(any_framing("delimited::"), "a") == "a:");
    CHECK(frame_of(any_framing("delimited:\\0\\t\\\\n"), "a") == std::string("a\0\t\\n", 5));
    CHECK(frame_of(any_framing("fixed:3"), "abc") == "abc");
}

TEST_CASE("any_framing: an unknown name gets an error that lists the known ones")
{
    for (const char* name : {"",           "varints",     "VARINT",
                             "u32",        "varint:1",    "lines:",
                             "lines:\\",   "lines:\\q",   "lines:\\x",
                             "lines:\\x1", "lines:\\xg1", "lines:\\x1g",
                             "delimited",  "delimited:",  "fixed",
                             "fixed:",     "fixed:0",     "fixed:x",
                             "fixed:1x",   "fixed:-1",    "fixed:99999999999999999999",
                             "nul:",       "lines[:END]"}) {
        CAPTURE(name);
        try {
            const any_framing f(name);
            FAIL("accepted");
        } catch (const usage_error& e) {
            CHECK(e.code() == errc::invalid_argument);
            const std::string text = e.what();
            CHECK(text.find("'" + std::string(name) + "'") != std::string::npos);
            for (const std::string_view known : any_framing::names())
                CHECK(text.find(known) != std::string::npos);
        }
    }
}

TEST_CASE("any_framing: a copy has a state of its own")
{
    any_framing f{lines("END")};
    CHECK(f.decode("xEN", limits()).status() == decode_status::need_more);
    any_framing copy = f;
    copy.reset();
    CHECK(copy.decode("END", limits()).payload() == 0);
    CHECK(f.decode("xEND", limits()).payload() == 1);
    copy = any_framing(varint());
    CHECK(frame_of(copy, "a") == "\1a");
}
