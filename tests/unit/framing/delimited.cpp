#include <ferrule/framing/delimited.hpp>
#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/nul.hpp>

#include "support/test.hpp"

using outcome = decode_status;

namespace {

// The messages of a stream; "!" and the reason at the end if something stays that is no beginning.
template <class Framing>
std::vector<std::string> messages(Framing f, std::string_view stream, const limits& l = {})
{
    std::vector<std::string> all;
    for (;;) {
        const decode_result r = f.decode(stream, l);
        if (r.status() == outcome::failed)
            all.push_back("!" + r.error().message());
        if (r.status() != outcome::frame)
            return all;
        all.emplace_back(stream.substr(r.header(), r.payload()));
        stream.remove_prefix(r.size());
    }
}

using list = std::vector<std::string>;

error_code refusal(const delimited& f, std::vector<byte_view> parts, const limits& l = {})
{
    encoded e;
    return f.encode(parts, l, e);
}

} // namespace

TEST_CASE("delimited: the separator that ends first counts, of those that end together the longest")
{
    CHECK(messages(delimited({";", "\n"}), "a;b\nc;;rest") == list{"a", "b", "c", ""});
    CHECK(messages(delimited({"\n", "\r\n"}), "a\r\nb\n\r\n\rc\n") == list{"a", "b", "", "\rc"});
    CHECK(messages(delimited({"\r", "\r\n"}), "a\r\nb\r") == list{"a", "\nb"}); // nobody waits to see more
    CHECK(messages(delimited({"END", "D"}), "xEND.D") == list{"x", "."});
    CHECK(messages(delimited("aab"), "aaabaab") == list{"a", ""});
    CHECK(messages(nul(), std::string_view("a\0\0b\0c", 6)) == list{"a", "", "b"});
    CHECK(messages(lines(), "one\ntwo\r\n\rthree\n") == list{"one", "two", "\rthree"});
    CHECK(messages(lines("\r"), "one\ntwo\rthree\r") == list{"one\ntwo", "three"});
}

TEST_CASE("delimited: separators are included where that is asked for")
{
    const delimited f({"\r\n", "\n"}, delimited::separator::include);
    CHECK(messages(f, "a\nb\r\n\nc") == list{"a\n", "b\r\n", "\n"});
    CHECK(frame_of(f, "a") == "a\r\n");
    CHECK(frame_of(f, "a\n") == "a\n");
    CHECK(frame_of(f, "\r\n") == "\r\n");
    error_code ec;
    CHECK(frame_of(f, "a\nb\n", limits(), ec).empty());
    CHECK(ec == errc::unencodable);
    // The limit counts it.
    CHECK(messages(f, "ab\n", limits(3)) == list{"ab\n"});
    CHECK(messages(f, "abc\n", limits(3)) == list{"!larger than the limit"});
    CHECK(messages(f, "abc", limits(3)) == list{"!larger than the limit"});
    CHECK(refusal(f, {"a\n"}, limits(2)) == error_code());
    CHECK(refusal(f, {"a"}, limits(2)) == errc::too_large);
}

TEST_CASE("delimited: what would not arrive as one message is not sent")
{
    CHECK(refusal(lines(), {"two\nlines"}) == errc::unencodable);
    CHECK(refusal(lines(), {"ends\n"}) == errc::unencodable);
    CHECK(refusal(lines(), {"a\r"}) == errc::unencodable); // would lose its \r
    CHECK(refusal(lines(), {"a\rb"}) == error_code());
    CHECK(refusal(lines("\r\n"), {"a\r", "\nb"}) == errc::unencodable); // across two parts
    CHECK(refusal(lines("\r\n"), {"a\r", "", "\nb"}) == errc::unencodable);
    CHECK(refusal(lines("\r\n"), {"a\r", "b\n"}) == error_code());
    CHECK(refusal(delimited("aa"), {"xa"}) == errc::unencodable); // "xaaa" ends one byte too early
    CHECK(refusal(delimited("aab"), {"xa"}) == error_code());
    CHECK(refusal(delimited({"ab", "b"}), {"a"}) == error_code());
    CHECK(refusal(delimited({"b", "ab"}), {"a"}) == errc::unencodable); // "ab" is the longer one
    CHECK(refusal(lines(), {}) == error_code());
}

TEST_CASE("delimited: no message is longer than the limit, whether its end has come or not")
{
    for (const std::size_t most : {0u, 1u, 5u, 300u}) {
        CAPTURE(most);
        const limits l(most);
        const std::string fits(most, 'x');
        CHECK(messages(lines("END"), fits + "END", l) == list{fits});
        CHECK(messages(lines("END"), fits + "xEND", l) == list{"!larger than the limit"});
        CHECK(messages(lines("END"), fits + "EN", l).empty()); // may still be within it
        CHECK(messages(lines("END"), fits + "xEN", l) == list{"!larger than the limit"});
        CHECK(refusal(lines("END"), {fits}, l) == error_code());
        CHECK(refusal(lines("END"), {fits, "x"}, l) == errc::too_large);
    }
}

TEST_CASE("delimited: a separator is not empty")
{
    CHECK_THROWS_AS(delimited(""), usage_error);
    CHECK_THROWS_AS(delimited({"a", ""}), usage_error);
    CHECK_THROWS_AS(delimited(std::vector<std::string>()), usage_error);
    CHECK_THROWS_AS(lines(""), usage_error);
}
