// Input: [which integer] then the stream.
#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/length_prefix.hpp>

using namespace ferrule;

namespace {

template <class Integer, std::endian Order = std::endian::big>
void check(byte_view stream)
{
    const auto reference = [](byte_view in) -> std::optional<test::announced> {
        if (in.size() < sizeof(Integer))
            return std::nullopt;
        std::uint64_t n = 0;
        std::uint64_t weight = 1; // of the byte
        for (std::size_t i = 0; i < sizeof(Integer); ++i, weight *= 256)
            n +=
                weight * std::to_integer<std::uint64_t>(in[Order == std::endian::little ? i : sizeof(Integer) - 1 - i]);
        return test::announced{sizeof(Integer), n};
    };
    test::check_decoder<length_prefix<Integer, Order>>(stream, reference);
    // Longer than the integer can say, or not.
    const auto make = [] { return length_prefix<Integer, Order>(); };
    const std::string repeated(stream.size() * 64, 'x');
    const bool fits = repeated.size() <= std::numeric_limits<Integer>::max();
    FUZZ_REQUIRE(test::round_trip(make(), repeated, limits()) == (fits ? error_code() : errc::too_large));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const byte_view stream(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    switch (data[0] % 8) {
    case 0: check<u8>(stream); break;
    case 1: check<u8, std::endian::little>(stream); break;
    case 2: check<u16>(stream); break;
    case 3: check<u16, std::endian::little>(stream); break;
    case 4: check<u32>(stream); break;
    case 5: check<u32, std::endian::little>(stream); break;
    case 6: check<u64>(stream); break;
    default: check<u64, std::endian::little>(stream); break;
    }
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 1, [](test::choices& r, std::string_view settings) {
        const std::string payload = r.bytes(r.size());
        switch (settings[0] & 7) {
        case 0:
        case 1: return test::frame_by(r, length_prefix<u8>(), payload);
        case 2: return test::frame_by(r, length_prefix<u16>(), payload);
        case 3: return test::frame_by(r, length_prefix<u16, std::endian::little>(), payload);
        case 4: return test::frame_by(r, length_prefix<u32>(), payload);
        case 5: return test::frame_by(r, length_prefix<u32, std::endian::little>(), payload);
        case 6: return test::frame_by(r, length_prefix<u64>(), payload);
        default: return test::frame_by(r, length_prefix<u64, std::endian::little>(), payload);
        }
    });
}
