// A byte framing combined with a serialisation.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <utility>

namespace ferrule {

/// A serialisation: values to bytes and back, independent of what separates them on the wire.
///
/// * `encode(value, out)` appends the value to `out`, or returns an error (`errc::unencodable`).
/// * `decode(payload)` makes a value from a whole payload. Throws `frame_error` (`errc::invalid_value`) if it is none.
///
/// The value type must be default-constructible.
/// Thread safety: both functions are const, and several threads may call them at the same time.
template <class C>
concept codec = std::copy_constructible<C> && std::default_initializable<typename C::value_type> &&
                requires(const C& c, const typename C::value_type& value, bytes& out, bytes payload) {
                    { c.encode(value, out) } -> std::same_as<error_code>;
                    { c.decode(std::move(payload)) } -> std::same_as<typename C::value_type>;
                };

/// Values of `Codec`, each in one frame of `Framing`: `framed<length_prefix<u32>, json_codec<>>`. The limits, errors
/// and state are those of the two.
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
    [[nodiscard]] message_type load(bytes payload) const
    {
        return codec_.decode(detail::restored(framing_, std::move(payload)));
    }
    void reset() { detail::restart(framing_); }

    [[nodiscard]] const Framing& framing() const noexcept { return framing_; }
    [[nodiscard]] const Codec& codec() const noexcept { return codec_; }

private:
    Framing framing_{};
    Codec codec_{};
};

} // namespace ferrule
