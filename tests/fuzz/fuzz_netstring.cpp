#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/netstring.hpp>

using namespace ferrule;
using test::answer;

namespace {

// From the definition, one character after the other, as if all had arrived. A character that cannot follow is malformed, a
// length that can only be too large is that as soon as it is.
answer reference(byte_view in, const limits& l)
{
    const std::string_view text = in.text();
    std::uint64_t length = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] != ':'; ++i) {
        if (text[i] < '0' || text[i] > '9' || (i == 1 && text[0] == '0'))
            return answer::failed(errc::malformed);
        const auto digit = static_cast<std::uint64_t>(text[i] - '0');
        const std::uint64_t largest = std::min(l.max_payload(), SIZE_MAX - (i + 1) - 2); // with colon and comma
        if (length > (largest - std::min(digit, largest)) / 10 || length * 10 + digit > largest)
            return answer::failed(errc::too_large);
        length = length * 10 + digit;
    }
    if (i == text.size())
        return answer::more(length + (i == 0 ? 3 : 2));
    if (i == 0)
        return answer::failed(errc::malformed);
    const std::size_t header = i + 1;
    if (text.size() - header <= length)
        return answer::more(length + 1 - (text.size() - header), true);
    if (text[header + length] != ',')
        return answer::failed(errc::malformed);
    return answer::frame(header, length, 1);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const byte_view input(reinterpret_cast<const std::byte*>(data), size);
    const auto make = [] { return netstring(); };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        test::check_framing(make, input, limits(most), reference);
    FUZZ_REQUIRE(!test::round_trip(make(), input, limits()));
    FUZZ_REQUIRE(test::round_trip(make(), input, limits(3)) == (size <= 3 ? error_code() : errc::too_large));
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, netstring(), r.bytes(r.size()));
    });
}
