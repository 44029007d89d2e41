// Progress of large messages in both directions.
#pragma once

#include <ferrule/framing/wrapped.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace ferrule {

/// `Framing` that reports progress after every transfer: `done` bytes of the frame's `total`. `total` is exact as soon
/// as the framing knows the size. Before, it is a lower bound: while the header is incomplete, or until the end for
/// framings such as lines. The last call for a message has `done == total`. A message that arrives whole has one call.
///
/// The functions are called by the thread that transfers, under the lock of the direction. So they must not use the
/// same direction of the endpoint. Copies of the framing share them. An exception from them ends the receive or send,
/// as described at `errc::framing_failed` and `encoded::on_progress`. Received packets are not reported, since they
/// come whole.
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
        const bool whole = r.status() == decode_status::frame;
        const std::size_t done = whole ? r.size() : buffered.size();
        if (r.status() == decode_status::skip)
            told_ = 0;
        if (!*receiving_ || (!whole && r.status() != decode_status::need_more) ||
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
            out.on_progress(sending_);
        return base::encode(message, l, out);
    }

private:
    std::shared_ptr<const function> receiving_;
    std::shared_ptr<const function> sending_;
    std::size_t told_ = 0; // `done` of the incomplete frame
};

} // namespace ferrule
