// Input: [which separators] [which limit] then the stream.
#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/nul.hpp>

#include <array>

using namespace ferrule;
using test::answer;

namespace {

// A framing, and what the reference needs to know of it.
class subject {
public:
    subject(delimited f, std::vector<std::string> s, bool i)
        : framing(std::move(f)),
          separators(std::move(s)),
          include(i)
    {
    }

    delimited framing;
    std::vector<std::string> separators;
    bool include;
};

subject choose(std::uint8_t which)
{
    static const std::vector<std::vector<std::string>> lists = {
        {"\n", "\r\n"}, {"\n"},        {"\r\n"},       {std::string(1, '\0')},    {"END"},         {"aab", "b", "ab"},
        {"ab", "b"},    {"aa", "aaa"}, {"\r", "\n\r"}, {"\n", ";", "--", "\xff"}, {"abcabd", "a"},
    };
    const bool include = which % 2 != 0;
    const auto mode = include ? delimited::separator::include : delimited::separator::strip;
    const std::size_t i = which / 2 % (lists.size() + 2);
    if (i == lists.size())
        return {lines(), {"\n", "\r\n"}, false};
    if (i == lists.size() + 1)
        return {nul(), {std::string(1, '\0')}, false};
    return {delimited(lists[i], mode), lists[i], include};
}

// The separator that ends first, found by trying every end; nothing if there is none.
std::optional<std::pair<std::size_t, std::size_t>> end_and_length(std::string_view text, const subject& s)
{
    for (std::size_t end = 1; end <= text.size(); ++end) {
        std::size_t length = 0;
        for (const std::string& one : s.separators)
            if (one.size() <= end && text.compare(end - one.size(), one.size(), one) == 0)
                length = std::max(length, one.size());
        if (length != 0)
            return std::pair(end, length);
    }
    return std::nullopt;
}

answer reference(const subject& s, byte_view in, const limits& l)
{
    const auto found = end_and_length(in.text(), s);
    if (found) {
        const std::size_t stripped = s.include ? 0 : found->second;
        const std::size_t payload = found->first - stripped;
        return payload > l.max_payload() ? answer::failed(errc::too_large) : answer::frame(0, payload, stripped);
    }
    // The shortest message that it can still become: the next byte ends the longest separator.
    std::size_t longest = 0;
    if (!s.include)
        for (const std::string& one : s.separators)
            longest = std::max(longest, one.size());
    const bool fits = in.size() + 1 <= longest || in.size() + 1 - longest <= l.max_payload();
    return fits ? answer::more(1) : answer::failed(errc::too_large);
}

// Whether `text` is received as one message when it is sent.
error_code sending(const subject& s, std::string_view text, const limits& l)
{
    if (text.size() > l.max_payload())
        return errc::too_large;
    const auto inside = end_and_length(text, s);
    if (s.include && inside && inside->first == text.size())
        return {};
    if (inside)
        return errc::unencodable;
    const std::string& added = s.separators.front();
    if (s.include && text.size() + added.size() > l.max_payload())
        return errc::too_large;
    const std::string whole = std::string(text) + added;
    const bool arrives = end_and_length(whole, s) == std::pair(whole.size(), added.size());
    return arrives ? error_code() : errc::unencodable;
}

// What arrives of `text`, which is sent in two pieces.
void check_sending(const subject& s, byte_view text, const limits& l)
{
    const byte_view pieces[] = {text.first(text.size() / 2), text.subspan(text.size() / 2)};
    encoded e;
    const error_code ec = s.framing.encode(pieces, l, e);
    FUZZ_REQUIRE(ec == sending(s, text.text(), l));
    if (!s.include)
        FUZZ_REQUIRE(test::round_trip(s.framing, text, l) == ec);
    if (ec)
        return;
    std::string frame;
    for (std::size_t i = 0; i < e.parts(); ++i)
        frame += e.part(i).text();
    delimited f = s.framing;
    const decode_result r = f.decode(frame, l);
    FUZZ_REQUIRE(r.status() == test::outcome::frame && r.size() == frame.size());
    FUZZ_REQUIRE(byte_view(frame).first(text.size()) == text);
    FUZZ_REQUIRE(r.payload() == text.size() || (s.include && r.trailer() == 0));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    static constexpr std::array<std::size_t, 6> most = {std::size_t{64} << 20, 0, 1, 5, 40, SIZE_MAX};
    const subject s = choose(data[0]);
    const limits l(most[data[1] % most.size()]);
    const byte_view stream(reinterpret_cast<const std::byte*>(data + 2), size - 2);
    test::check_framing([&] { return s.framing; }, stream, l,
                        [&](byte_view in, const limits& with) { return reference(s, in, with); });
    check_sending(s, stream, l);
    // What was received can be sent, or it can be said why not.
    if (const auto first = end_and_length(stream.text(), s))
        check_sending(s, stream.first(first->first - (s.include ? 0 : first->second)), l);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 2, [](test::choices& r, std::string_view settings) {
        const std::string end = r.one_of(choose(static_cast<std::uint8_t>(settings[0])).separators);
        std::string piece = r.bytes(r.one_in(2) ? r.below(4) : r.below(42));
        if (r.one_in(3)) // what only looks like one
            piece.insert(r.below(piece.size() + 1), end.substr(0, r.below(end.size())));
        return piece + (r.one_in(5) ? r.damaged(end) : end);
    });
}
