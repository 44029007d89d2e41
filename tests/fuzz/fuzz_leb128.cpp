#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/leb128.hpp>

using namespace ferrule;

namespace {

// From the last byte to the first, as one multiplies digits.
std::optional<test::announced> reference(byte_view in)
{
    constexpr std::size_t longest = 10;
    const auto is_last = [](std::byte b) { return b < std::byte{0x80}; };
    const byte_view header = in.first(std::min(in.size(), longest));
    const auto size = static_cast<std::size_t>(std::ranges::find_if(header, is_last) - header.begin()) + 1;
    if (size > header.size() && header.size() < longest)
        return std::nullopt;
    if (size > longest || (size == longest && header.back() > std::byte{1}))
        return test::announced{longest, 0, true};
    std::uint64_t n = 0;
    for (std::size_t i = size; i-- > 0;)
        n = n * 128 + std::to_integer<std::uint64_t>(in[i]) % 128;
    return test::announced{size, n};
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    test::check_decoder<leb128>(byte_view(reinterpret_cast<const std::byte*>(data), size), reference);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, leb128(), r.bytes(r.size()));
    });
}
