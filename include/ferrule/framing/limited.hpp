// A framing with a limit of its own.
#pragma once

#include <ferrule/framing/wrapped.hpp>

#include <algorithm>

namespace ferrule {

/// `Framing` with payloads of at most `max_payload` bytes, inclusive. The limit of the endpoint holds as well.
template <framing Framing>
class limited : public wrapped<Framing> {
    using base = wrapped<Framing>;

public:
    explicit limited(std::size_t max_payload, Framing f = {}) : base(std::move(f)), max_payload_(max_payload) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) { return base::decode(buffered, lower(l)); }
    [[nodiscard]] error_code encode(encode_argument<typename Framing::message_type> message, const limits& l,
                                    encoded& out) const
    {
        return base::encode(message, lower(l), out);
    }

private:
    [[nodiscard]] limits lower(const limits& l) const noexcept
    {
        return limits(std::min(l.max_payload(), max_payload_));
    }

    std::size_t max_payload_;
};

} // namespace ferrule
