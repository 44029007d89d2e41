#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/varint.hpp>

using namespace ferrule;

namespace {

// From the table of the specification, row by row.
std::optional<test::announced> reference(byte_view in)
{
    const auto a = [&](std::size_t i) { return std::to_integer<std::uint64_t>(in[i]); };
    if (in.empty())
        return std::nullopt;
    if (a(0) <= 240)
        return test::announced{1, a(0)};
    if (a(0) <= 248) {
        if (in.size() < 2)
            return std::nullopt;
        return test::announced{2, 240 + 256 * (a(0) - 241) + a(1)};
    }
    if (a(0) == 249) {
        if (in.size() < 3)
            return std::nullopt;
        return test::announced{3, 2288 + 256 * a(1) + a(2)};
    }
    const auto following = static_cast<std::size_t>(a(0) - 250 + 3);
    if (in.size() < 1 + following)
        return std::nullopt;
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < following; ++i)
        n += a(1 + i) << (8 * (following - 1 - i));
    return test::announced{1 + following, n};
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    test::check_decoder<varint>(byte_view(reinterpret_cast<const std::byte*>(data), size), reference);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, varint(), r.bytes(r.size()));
    });
}
