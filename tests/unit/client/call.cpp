#include <ferrule/client/call.hpp>

#include <ferrule/client/client.hpp>

#include "support/calls.hpp"
#include "support/test.hpp"

namespace {

using ferrule::detail::exchange;

exchange made()
{
    static const client none("unix:/nowhere");
    return {none.as_caller(), {}};
}

std::string text(const std::vector<bytes>& lines)
{
    std::string all;
    for (const bytes& line : lines)
        all.append(line.text()).append("|");
    return all;
}

} // namespace

TEST_CASE("call: options are a timeout, an end of line, or both")
{
    const call_options none;
    CHECK(!none.timeout());
    CHECK(!none.end_of_line());
    const call_options timed = 2s;
    CHECK(timed.timeout()->deadline() > deadline(1s));
    const call_options ended = "\r\n";
    CHECK(ended.end_of_line()->sent() == "\r\n");
    CHECK(ended.end_of_line()->received() == std::vector<std::string>{"\r\n"});
    const call_options both = {"\r", 2s};
    CHECK(both.end_of_line()->sent() == "\r");
    CHECK(both.timeout());
    std::stop_source source;
    const call_options stopped = source.get_token();
    CHECK(stopped.timeout()->stop().stop_possible());
    const line_end two({"\r\n", "\n"}, "\r");
    CHECK(two.received() == std::vector<std::string>{"\r\n", "\n"});
    CHECK(two.sent() == "\r");
    CHECK(!none.is_idempotent());
    CHECK(call_options(2s).idempotent().is_idempotent());
}

TEST_CASE("call: lines get their end, and cannot contain it")
{
    exchange x = made();
    x.send_lines(std::vector<std::string>{"one", "", "three"});
    bytes sent;
    const auto& request = x.request();
    for (std::size_t i = 0; i < request.frame.parts(); ++i)
        sent.append(request.frame.part(i));
    CHECK(sent.text() == "one\n\nthree\n");
    CHECK(code_of([] { made().send_line("two\nlines"); }) == errc::unencodable);
}

TEST_CASE("call: an empty end of line or separator is refused before anything is sent")
{
    CHECK(code_of([] { made().receive_until({}); }) == errc::invalid_argument);
    CHECK(code_of([] { made().receive_until({"\n", ""}); }) == errc::invalid_argument);
    static const client none("unix:/nowhere");
    exchange x(none.as_caller(), "");
    CHECK(code_of([&] { x.send_line("line"); }) == errc::invalid_argument);
    CHECK(code_of([&] { x.receive_line(); }) == errc::invalid_argument);
    CHECK(code_of([&] { x.receive_lines(1); }) == errc::invalid_argument);
}

TEST_CASE("call: several lines are found however they come")
{
    const std::string stream = "one\r\ntwo\n\nfour\r\nrest";
    static const client none("unix:/nowhere");
    for (std::size_t n = 1; n <= 4; ++n) {
        exchange x(none.as_caller(), line_end({"\r\n", "\n"}, "\n"));
        x.receive_lines(n);
        const auto& request = x.reply();
        std::size_t size = 0; // of what has arrived
        auto found = request.decoder(byte_view(), 0);
        while (found.status() == decode_status::need_more) {
            REQUIRE(size < stream.size());
            found = request.decoder(byte_view(std::string_view(stream).substr(0, ++size)), 0);
        }
        REQUIRE(found.status() == decode_status::frame);
        CHECK(found.size() == size); // not a byte later
        const std::string expected = std::string("one|two||four|").substr(0, n == 1 ? 4 : n == 2 ? 8 : n == 3 ? 9 : 14);
        CHECK(text(detail::lines_of(byte_view(stream).first(size), x.separators())) == expected);
    }
}

TEST_CASE("call: lines beyond the limit are refused as soon as they are too long")
{
    const client small("unix:/nowhere", client_options().limits(limits(10)));
    exchange x(small.as_caller(), {});
    x.receive_lines(2);
    const auto& request = x.reply();
    CHECK(request.decoder(byte_view("12345\n1234"), 0).status() == decode_status::need_more);
    CHECK(request.decoder(byte_view("12345\n12345"), 0).error() == errc::too_large);
    CHECK(x.reply().decoder(byte_view("12345\n1234\n"), 0).error() == errc::too_large);
    CHECK(x.reply().decoder(byte_view("12345\n123\n"), 0).status() == decode_status::frame);
}
