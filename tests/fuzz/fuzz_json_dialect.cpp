// Input: a stream, see `expanded`.
#include "fuzz/codec.hpp"
#include "fuzz/grammar.hpp"
#include "fuzz/headers.hpp"

#include <ferrule/framing/json.hpp>

#include <map>

using namespace ferrule;
using test::answer;
using dialect = json_dialect::dialect;

namespace {

answer line_answer(byte_view in, const limits& l)
{
    const std::size_t end = in.text().find('\n');
    if (end == std::string_view::npos)
        return in.size() >= 2 && in.size() - 2 >= l.max_payload() ? answer::failed(errc::too_large) : answer::more(1);
    const std::size_t line = end != 0 && in.text()[end - 1] == '\r' ? end - 1 : end;
    return line > l.max_payload() ? answer::failed(errc::too_large) : answer::frame(0, line, end + 1 - line);
}

dialect spoken(byte_view stream)
{
    constexpr std::string_view headers = "Cc";
    constexpr std::string_view lines = "{[\"0123456789-tfn \t\r\n";
    const char first = stream.empty() ? '\0' : stream.text()[0];
    return headers.find(first) != headers.npos ? dialect::content_length
           : lines.find(first) != lines.npos   ? dialect::lines
                                               : dialect::unknown;
}

void check_stream(byte_view stream, const limits& l)
{
    const dialect spoken_here = spoken(stream);
    const auto reference = [&](byte_view in, const limits& with) {
        if (in.empty())
            return answer::more(1);
        switch (spoken_here) {
        case dialect::lines: return line_answer(in, with);
        case dialect::content_length: return test::content_length_answer(in, with);
        default: return answer::failed(errc::malformed);
        }
    };
    test::check_framing([] { return json_dialect(); }, stream, l, reference);
}

// What is sent, to somebody who has spoken first, or not.
void check_sending(byte_view stream)
{
    for (const dialect first : {dialect::lines, dialect::content_length}) {
        const json_dialect f(first);
        json_dialect theirs = f; // the other direction of the connection
        if (!stream.empty())
            (void)theirs.decode(stream, limits());
        FUZZ_REQUIRE(f.detected() == spoken(stream));
        const bool lines = (f.detected() == dialect::unknown ? first : f.detected()) == dialect::lines;
        const std::string message = '[' + std::string(stream.text());
        const bool is_line = message.find('\n') == message.npos && message.back() != '\r';
        const error_code ec = test::round_trip(f, message, limits());
        FUZZ_REQUIRE(ec == (is_line || !lines ? error_code() : errc::unencodable));
    }
}

void check_text(byte_view text)
{
    if (const auto sent = test::check_value(json_codec<>(), text)) {
        FUZZ_REQUIRE(sent->text().find_first_of("\r\n") == std::string_view::npos);
        FUZZ_REQUIRE(json_codec<>().decode(bytes(text)) == json_codec<>().decode(sent->clone()));
    }
    test::check_value(json_codec<std::vector<std::int32_t>>(), text);
    test::check_value(json_codec<std::map<std::string, double>>(), text);
    test::check_value(json_codec<std::vector<std::pair<std::string, bool>>>(), text);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string input = test::expanded({reinterpret_cast<const std::byte*>(data), size});
    for (const std::size_t most : {std::size_t{0}, std::size_t{30}, std::size_t{64} << 20, SIZE_MAX})
        check_stream(input, limits(most));
    check_sending(input);
    check_text(input);
    return 0;
}

namespace {

std::string json_text(test::choices& r, int depth)
{
    static constexpr std::string_view blanks[] = {"", "", "", " ", "\t"};
    static constexpr std::string_view atoms[] = {"null",
                                                 "true",
                                                 "false",
                                                 "0",
                                                 "-0",
                                                 "-1",
                                                 "9223372036854775807",
                                                 "18446744073709551616",
                                                 "1e5",
                                                 "0.1",
                                                 "1E-400",
                                                 "1e400",
                                                 "01",
                                                 "1.",
                                                 "-",
                                                 "2.2250738585072014e-308",
                                                 "\"\"",
                                                 "\"text\"",
                                                 "\"\\u00e4\"",
                                                 "\"\\ud800\"",
                                                 "\"\\ud83d\\ude00\"",
                                                 "\"\\n\\\"\"",
                                                 "\"\xc3\xa4\"",
                                                 "\"\xff\"",
                                                 "nul"};
    const std::string blank(r.one_of(blanks));
    if (depth == 0 || r.one_in(2))
        return blank + std::string(r.one_of(atoms)) + blank;
    const bool is_object = r.one_in(2);
    std::string all;
    for (std::size_t n = r.below(4); n > 0; --n) {
        all += is_object ? "\"" + std::string(1, static_cast<char>('a' + r.below(3))) + "\":" : "";
        all += json_text(r, depth - 1) + (n == 1 && !r.one_in(20) ? "" : ",");
    }
    return blank + (is_object ? "{" + all + "}" : "[" + all + "]") + blank;
}

} // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        const std::string text = r.perhaps_damaged(json_text(r, 4));
        switch (r.below(4)) {
        case 0: return text;
        case 1: return test::content_length_piece(r, text);
        default: return text + (r.one_in(4) ? "\r\n" : "\n");
        }
    });
}
