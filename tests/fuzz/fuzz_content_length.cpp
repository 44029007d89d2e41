// Input: [how many times a header line is put in front] then the stream.
#include "fuzz/grammar.hpp"
#include "fuzz/headers.hpp"

#include <ferrule/framing/content_length.hpp>

using namespace ferrule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    // Eight of these lines are all that is allowed.
    constexpr std::size_t most = content_length::max_headers;
    std::string stream;
    for (unsigned i = 0; i < data[0] % 9u; ++i)
        stream += "X: " + std::string(most / 8 - 5, 'x') + "\r\n";
    stream.append(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto make = [] { return content_length(); };
    for (const std::size_t limit : {std::size_t{0}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        test::check_framing(make, stream, limits(limit), test::content_length_answer);
    FUZZ_REQUIRE(!test::round_trip(make(), stream, limits()));
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 1, [](test::choices& r, std::string_view) {
        return test::content_length_piece(r, r.bytes(r.size()));
    });
}
