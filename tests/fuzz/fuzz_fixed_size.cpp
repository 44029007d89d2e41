// Input: [size of messages] then the stream.
#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/fixed_size.hpp>

using namespace ferrule;
using test::answer;

namespace {

template <class Framing>
void check(Framing f, std::size_t n, byte_view stream)
{
    const auto reference = [&](byte_view in, const limits& l) {
        if (n > l.max_payload())
            return answer::failed(errc::too_large);
        return in.size() < n ? answer::more(n - in.size(), true) : answer::frame(0, n);
    };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, SIZE_MAX}) {
        test::check_framing([&] { return f; }, stream, limits(most), reference);
        const error_code expected = stream.size() != n ? errc::unencodable : n > most ? errc::too_large : error_code();
        FUZZ_REQUIRE(test::round_trip(f, stream, limits(most)) == expected);
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const byte_view stream(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    switch (data[0]) {
    case 0: check(fixed_size<1>(), 1, stream); break;
    case 254: check(fixed_size<4>(), 4, stream); break;
    case 255: check(fixed_size<SIZE_MAX - 1>(), SIZE_MAX - 1, stream); break;
    default: check(fixed_size<>(data[0]), data[0], stream); break;
    }
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 1, [](test::choices& r, std::string_view settings) {
        const std::size_t n = static_cast<unsigned char>(settings[0]);
        return r.perhaps_damaged(r.bytes(n == 0 ? 1 : n == 254 ? 4 : n));
    });
}
