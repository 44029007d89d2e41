// Watching large messages come and go.
#pragma once

#include <ferrule/framing/wrapped.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace ferrule {

/// `Framing` that tells how far a message has come: after every transfer, `done` bytes of the frame's `total`. While only
/// part of a frame's header has arrived, or while the size of a frame is known only at its end (lines), `total` is the
/// least it can be; it is exact as soon as the framing knows. The last call for a message has `done == total`; where a
/// whole message arrives at once it is the only one.
///
/// Functions are called by the thread that transfers, under the lock of the direction, so they must not use the same
/// direction of the endpoint; copies of the framing share them. What they throw ends the receive or send, as
/// described at `errc::framing_failed` and `encoded::watch`. Packets are not watched on arrival, since they come whole.
template <framing Framing>
class progress : public wrapped<Framing> {
    using base = wrapped<Framing>;

public:
    using function = std::function<void(std::size_t done, std::size_t total)>;

    /// Either function may be empty.
    explicit progress(function receiving, function sending, Framing f = {})
        : base(std::move(f)),
          receiving_(std::make_shared<const function>(std::move(receiving))),
          sending_(std::make_shared<const function>(std::move(sending)))
    {
    }

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l)
    {
        const decode_result r = base::decode(buffered, l);
        const bool whole = r.what() == decode_result::outcome::frame;
        const std::size_t done = whole ? r.size() : buffered.size();
        if (!*receiving_ || r.what() == decode_result::outcome::failed ||
            done == std::exchange(told_, whole ? 0 : done))
            return r;
        (*receiving_)(done, whole ? done : done + r.needed());
        return r;
    }
    void reset()
    {
        told_ = 0;
        base::reset();
    }
    [[nodiscard]] error_code encode(encode_argument<typename Framing::message_type> message, const limits& l,
                                    encoded& out) const
    {
        if (*sending_)
            out.watch(sending_);
        return base::encode(message, l, out);
    }

private:
    std::shared_ptr<const function> receiving_;
    std::shared_ptr<const function> sending_;
    std::size_t told_ = 0; // `done` of the frame that has begun
};

} // namespace ferrule
