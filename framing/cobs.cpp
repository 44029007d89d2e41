#include <ferrule/framing/cobs.hpp>

#include "framing/enclosed.hpp"
#include "framing/payload.hpp"

#include <algorithm>
#include <optional>

namespace ferrule {
namespace {

constexpr std::byte zero{0};
constexpr std::size_t full_block = 255; // a code and 254 bytes, without a zero behind them

/// The size of the message in stuffed bytes, or nothing if they are not stuffed.
std::optional<std::size_t> message_size(byte_view stuffed) noexcept
{
    std::size_t size = 0;
    for (std::size_t at = 0; at < stuffed.size();) {
        const auto code = std::to_integer<std::size_t>(stuffed[at]);
        if (code == 0 || code > stuffed.size() - at)
            return std::nullopt;
        at += code;
        size += code - 1 + (code != full_block && at != stuffed.size() ? 1 : 0);
    }
    return size;
}

} // namespace

decode_result cobs::decode(byte_view buffered, const limits& l) noexcept
{
    const detail::enclosed found(buffered, zero, searched_);
    searched_ = found.is_whole || found.header >= found.max_fill ? 0 : buffered.size();
    if (found.header >= found.max_fill)
        return decode_result::skip(found.max_fill);
    // No message that begins so is shorter.
    if (found.content > 0 && found.content - 1 - found.content / full_block > l.max_payload())
        return decode_result::failed(errc::too_large, found.is_whole ? found.size() : SIZE_MAX);
    if (!found.is_whole)
        return found.content == 0 ? decode_result::between_messages() : decode_result::need_more(1);
    const std::optional<std::size_t> size = message_size(buffered.subspan(found.header, found.content));
    if (!size)
        return decode_result::skip(found.size());
    if (*size > l.max_payload())
        return decode_result::failed(errc::too_large, found.size());
    return decode_result::frame(found.header, found.content, 1);
}

error_code cobs::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    bytes stuffed;
    stuffed.resize(size + size / (full_block - 1) + 1);
    std::size_t code_at = 0;
    std::size_t at = 1;
    const auto end_block = [&] { stuffed[code_at] = static_cast<std::byte>(at - code_at); };
    for (const byte_view part : payload) {
        for (const std::byte b : part) {
            if (at - code_at == full_block) {
                end_block();
                code_at = at++;
            }
            if (b == zero) {
                end_block();
                code_at = at++;
            } else
                stuffed[at++] = b;
        }
    }
    end_block();
    stuffed.resize(at);
    out.append_owned(std::move(stuffed));
    out.append_copy(byte_view(&zero, 1));
    return {};
}

bytes cobs::load(bytes payload) const
{
    if (!message_size(payload)) // a packet, which `decode` has not seen
        throw_error(errc::malformed, payload, payload.size());
    std::byte* to = payload.data();
    for (std::byte* from = payload.data(); from != payload.end();) {
        const auto code = std::to_integer<std::size_t>(*from);
        to = std::copy(from + 1, from + code, to);
        from += code;
        if (code != full_block && from != payload.end())
            *to++ = zero;
    }
    payload.resize(static_cast<std::size_t>(to - payload.data()));
    return payload;
}

} // namespace ferrule
