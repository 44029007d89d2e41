#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/cobs.hpp>

using namespace ferrule;
using test::answer;

namespace {

constexpr std::size_t max_fill = 256;

// By restoring the message, with a zero behind each block but the last and the full ones.
answer reference(byte_view in, const limits& l)
{
    const std::string_view text = in.text();
    std::size_t header = 0;
    while (header < text.size() && text[header] == '\0')
        if (++header == max_fill)
            return answer::skip(max_fill);
    const std::size_t end = std::min(text.find('\0', header), text.size());
    const std::size_t content = end - header;
    if (content > 0 && content - 1 - content / 255 > l.max_payload())
        return answer::failed(errc::too_large);
    if (end == text.size())
        return answer::more(1);
    std::string message;
    bool owes_zero = false;
    for (std::size_t i = header; i < end;) {
        const auto code = static_cast<unsigned char>(text[i]);
        if (code > end - i)
            return answer::skip(end + 1);
        if (owes_zero)
            message += '\0';
        message += text.substr(i + 1, code - 1u);
        owes_zero = code != 255;
        i += code;
    }
    if (message.size() > l.max_payload())
        return answer::failed(errc::too_large);
    const bytes restored = cobs().load(bytes(in.subspan(header, content)));
    FUZZ_REQUIRE(restored == byte_view(message));
    return answer::frame(header, content, 1);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const byte_view input(reinterpret_cast<const std::byte*>(data), size);
    const auto make = [] { return cobs(); };
    for (const std::size_t most : {std::size_t{0}, std::size_t{3}, std::size_t{300}, std::size_t{64} << 20, SIZE_MAX})
        test::check_framing(make, input, limits(most), reference);
    const error_code ec = test::round_trip(make(), input, limits());
    FUZZ_REQUIRE(ec == error_code());
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
        return test::frame_by(r, cobs(), r.bytes(r.size()));
    });
}
