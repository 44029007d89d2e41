// Any framing of bytes with any serialisation.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <utility>

namespace ferrule {

/// A serialisation: values to bytes and back, whatever separates them on the wire.
///
/// * `encode(value, out)` appends the value to `out`, or returns an error (`errc::unencodable`).
/// * `decode(payload)` makes a value of a whole payload; throws `frame_error` with `errc::invalid_value` if it is none.
///
/// Both are const and may be called by several threads at once. A value has to be default-constructible.
template <class C>
concept codec = std::copy_constructible<C> && std::default_initializable<typename C::value_type> &&
                requires(const C& c, const typename C::value_type& value, bytes& out, bytes payload) {
                    { c.encode(value, out) } -> std::same_as<error_code>;
                    { c.decode(std::move(payload)) } -> std::same_as<typename C::value_type>;
                };

/// The values of `Codec`, each in a frame of `Framing`: `framed<length_prefix<u32>, json_codec<>>`. What the two say of
/// limits, errors and state holds here.
template <byte_framing Framing, codec Codec>
class framed {
public:
    using message_type = typename Codec::value_type;

    framed() = default;
    explicit framed(Framing f, Codec c = {}) : framing_(std::move(f)), codec_(std::move(c)) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) { return framing_.decode(buffered, l); }
    [[nodiscard]] error_code encode(const message_type& message, const limits& l, encoded& out) const
    {
        bytes payload;
        if (const error_code ec = codec_.encode(message, payload))
            return ec;
        const byte_view held = out.hold(std::move(payload));
        return framing_.encode(std::span(&held, 1), l, out);
    }
    [[nodiscard]] message_type load(bytes payload) const { return codec_.decode(std::move(payload)); }
    void reset() { detail::restart(framing_); }

    [[nodiscard]] const Framing& framing() const noexcept { return framing_; }
    [[nodiscard]] const Codec& codec() const noexcept { return codec_; }

private:
    Framing framing_{};
    Codec codec_{};
};

} // namespace ferrule
