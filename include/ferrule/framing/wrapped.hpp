// A base for framings that wrap another one.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <utility>

namespace ferrule {

/// A framing that forwards to `Framing`. To change a function, derive from this class and hide that function.
template <framing Framing>
class wrapped {
public:
    using message_type = typename Framing::message_type;
    static constexpr bool resynchronizes = ferrule::resynchronizes<Framing>;

    wrapped() = default;
    explicit wrapped(Framing f) : inner_(std::move(f)) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) { return inner_.decode(buffered, l); }
    [[nodiscard]] error_code encode(encode_argument<message_type> message, const limits& l, encoded& out) const
    {
        return inner_.encode(message, l, out);
    }
    [[nodiscard]] message_type load(bytes payload) const
        requires typed_framing<Framing> || restoring_framing<Framing>
    {
        return inner_.load(std::move(payload));
    }
    void reset() { detail::restart(inner_); }

private:
    Framing inner_{};
};

} // namespace ferrule
