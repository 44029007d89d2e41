#include "fuzz/enclosed.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/framing/slip.hpp>

using namespace ferrule;
using test::answer;

namespace {

// From RFC 1055, one byte after the other.
answer reference(byte_view in, const limits& l)
{
    const std::string_view text = in.text();
    const std::size_t header = test::fill_in_front(text, '\xc0');
    if (header == test::max_fill)
        return answer::skip(header);
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
    test::check_enclosed<slip>(byte_view(reinterpret_cast<const std::byte*>(data), size), reference, errc::unencodable);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 0, [](test::choices& r, std::string_view) {
        return test::frame_by(r, slip(), r.bytes(r.size()));
    });
}
