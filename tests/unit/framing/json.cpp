#include <ferrule/framing/json.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

#include <boost/json.hpp>

namespace json = boost::json;

static_assert(typed_framing<json_lines<>>);
static_assert(typed_framing<json_content_length<>>);
static_assert(typed_framing<json_messages<>>);
static_assert(typed_framing<framed<varint, json_codec<std::vector<int>>>>);

namespace {

json::value deep(int levels)
{
    json::value v;
    for (int i = 0; i < levels; ++i)
        v = json::array{std::move(v)};
    return v;
}

error_code reason(const json_codec<>& c, std::string_view text)
{
    try {
        (void)c.decode(bytes(byte_view(text)));
    } catch (const frame_error& e) {
        CHECK((e.data() == byte_view(text.substr(0, 64 * 1024))));
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("json_lines: values of every kind keep the contract")
{
    using ferrule::testing::check_framing;
    const std::vector<json::value> values = {nullptr,
                                             true,
                                             -1,
                                             UINT64_MAX,
                                             1.5,
                                             "",
                                             "line\nwith \"quotes\" and \xc3\xa4",
                                             json::array{1, "two", json::object{}},
                                             {{"key", {{"nested", nullptr}}}, {"other", json::array(500, "x")}}};
    check_framing(json_lines<>(), values);
    check_framing(json_content_length<>(), values);
    check_framing(framed<varint, json_codec<>>(), values);
    check_framing(json_lines<std::map<std::string, int>>(), {{}, {{"a", 1}, {"b", 2}}});
}

TEST_CASE("json_codec: what is not JSON is shown, taken off, and the next message follows")
{
    auto [a, b] = socketpair(json_lines<>());
    auto raw = a.with(lines());
    raw.send("{\"open\": ");
    raw.send("");
    a.send(1);
    for (const char* text : {"{\"open\": ", ""}) {
        try {
            (void)b.recv();
            FAIL("accepted");
        } catch (const frame_error& e) {
            CHECK(e.code() == errc::invalid_value);
            CHECK(e.data() == byte_view(text));
        }
    }
    CHECK(b.recv() == json::value(1));

    CHECK(reason({}, "nul") == errc::invalid_value);
    CHECK(reason({}, "1 2") == errc::invalid_value);
    CHECK(reason({}, "\"\xff\"") == errc::invalid_value); // no UTF-8
    CHECK(reason({}, "NaN") == errc::invalid_value);
    CHECK(reason({}, "[1e400]") == errc::invalid_value);
    CHECK(reason({}, "[-1" + std::string(400, '0') + ".5]") == errc::invalid_value);
    for (const char* exact : {"474.59380568556355", "0.1", "1e-400", "-5e-324", "1.7976931348623157e308"}) {
        CAPTURE(exact);
        CHECK(json_codec<double>().decode(bytes(byte_view(exact))) == std::strtod(exact, nullptr));
    }
    CHECK(reason({}, json::serialize(deep(512))) == error_code());
    CHECK(reason({}, json::serialize(deep(513))) == errc::invalid_value);
    CHECK(reason({}, std::string(1'000'000, '[')) == errc::invalid_value);
    CHECK_THROWS_AS(json_codec<int>().decode(bytes(byte_view("\"text\""))), frame_error);
    CHECK(json_codec<int>().decode(bytes(byte_view(" 7 "))) == 7);
}

TEST_CASE("json_codec: a number that JSON does not know is not sent, and the endpoint stays usable")
{
    auto [a, b] = socketpair(json_lines<>());
    for (const double d : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(a.send(d), usage_error);
        CHECK_THROWS_AS(a.send({{"deep", {1, {d}}}}), usage_error);
        error_code ec;
        CHECK(a.send(json::array{d}, {}, ec) == 0);
        CHECK(ec == errc::unencodable);
    }
    a.send("fine");
    CHECK(b.recv() == json::value("fine"));
}
