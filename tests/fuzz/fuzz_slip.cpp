#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/slip.hpp>

using namespace ferrule;
using test::answer;

namespace {

constexpr std::size_t max_fill = 256;

// From RFC 1055, one byte after the other.
answer reference(byte_view in, const limits& l)
{
    const std::string_view text = in.text();
    std::size_t header = 0;
    while (header < text.size() && text[header] == '\xc0')
        if (++header == max_fill)
            return answer::skip(max_fill);
    std::size_t message = 0;
    bool is_noise = false;
    bool escaped = false;
    std::size_t i = header;
    for (; i < text.size() && text[i] != '\xc0'; ++i) {
        is_noise = is_noise || (escaped && text[i] != '\xdc' && text[i] != '\xdd');
        escaped = !escaped && text[i] == '\xdb';
        message += text[i] != '\xdb';
    }
    if (message > l.max_payload())
        return answer::failed(errc::too_large);
    if (i == text.size())
        return answer::more(1);
    return is_noise || escaped ? answer::skip(i + 1) : answer::frame(header, i - header, 1);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const byte_view input(reinterpret_cast<const std::byte*>(data), size);
    const auto make = [] { return slip(); };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        test::check_framing(make, input, limits(most), reference);
    const error_code ec = test::round_trip(make(), input, limits());
    FUZZ_REQUIRE(ec == (size == 0 ? error_code(errc::unencodable) : error_code()));
    (void)test::round_trip(make(), input, limits(3));
    try { // a packet
        FUZZ_REQUIRE(make().load(bytes(input)).size() <= size);
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::malformed);
    }
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, slip(), r.bytes(r.size()));
    });
}
