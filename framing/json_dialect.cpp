#include <ferrule/framing/json_dialect.hpp>

#include <string_view>

namespace ferrule {

decode_result json_dialect::decode(byte_view buffered, const limits& l)
{
    if (buffered.empty())
        return decode_result::need_more(1);
    if (detected() == dialect::unknown) {
        const char first = buffered.text()[0];
        if (std::string_view("Cc").find(first) != std::string_view::npos)
            found_->received = dialect::content_length;
        else if (std::string_view("{[\"-0123456789tfn \t\r\n").find(first) != std::string_view::npos)
            found_->received = dialect::lines;
        else
            return decode_result::failed(errc::malformed);
    }
    return detected() == dialect::lines ? lines_.decode(buffered, l) : content_length_.decode(buffered, l);
}

error_code json_dialect::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    const dialect known = detected();
    return (known == dialect::unknown ? found_->first : known) == dialect::content_length
               ? content_length_.encode(payload, l, out)
               : lines_.encode(payload, l, out);
}

void json_dialect::reset() noexcept
{
    lines_.reset();
    content_length_.reset();
}

} // namespace ferrule
