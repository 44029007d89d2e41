#include "fuzz/enclosed.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/cobs.hpp>

using namespace ferrule;
using test::answer;

namespace {

// By restoring the message, with a zero behind each block but the last and the full ones.
answer reference(byte_view in, const limits& l)
{
    const std::string_view text = in.text();
    const std::size_t header = test::fill_in_front(text, '\0');
    if (header == test::max_fill)
        return answer::skip(header);
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
    test::check_enclosed<cobs>(byte_view(reinterpret_cast<const std::byte*>(data), size), reference, {});
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, cobs(), r.bytes(r.size()));
    });
}
