#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

using namespace ferrule;

namespace {

std::optional<test::announced> reference(byte_view in)
{
    const auto number = [&](std::size_t first, std::size_t count) {
        std::uint64_t n = 0;
        for (std::size_t i = 0; i < count; ++i)
            n |= std::to_integer<std::uint64_t>(in[first + i]) << (8 * (count - 1 - i));
        return n;
    };
    if (in.size() < 4)
        return std::nullopt;
    const auto length = static_cast<std::int32_t>(static_cast<std::uint32_t>(number(0, 4)));
    if (length >= 0)
        return test::announced{4, static_cast<std::uint64_t>(length)};
    if (length != -1)
        return test::announced{4, 0, true};
    if (in.size() < 12)
        return std::nullopt;
    return test::announced{12, number(4, 8)};
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    test::check_decoder<multiprocessing_bytes>(byte_view(reinterpret_cast<const std::byte*>(data), size), reference);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, multiprocessing_bytes(), r.bytes(r.size()));
    });
}
