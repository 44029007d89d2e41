// The contract between a framing and the rest: bytes in, frames out. No I/O, no clock, no lock.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/error.hpp>
#include <ferrule/limits.hpp>

#include <boost/container/small_vector.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace ferrule {

/// What a framing makes of the bytes at the front of a stream.
class decode_result {
public:
    enum class outcome : unsigned char { need_more, frame, failed };

    /// No complete frame yet: at least `n` (≥ 1) more bytes are needed. Say exactly how many once the frame's size is
    /// known; memory is sized by it.
    static decode_result need_more(std::size_t n) noexcept { return {outcome::need_more, n, 0, 0, {}}; }
    /// A frame of `header` bytes to skip, `payload` bytes to deliver and `trailer` bytes to skip.
    static decode_result frame(std::size_t header, std::size_t payload, std::size_t trailer = 0) noexcept
    {
        return {outcome::frame, header, payload, trailer, {}};
    }
    /// These bytes begin no frame that may be delivered: `errc::malformed` or `errc::too_large`.
    static decode_result failed(error_code ec) noexcept { return {outcome::failed, 0, 0, 0, ec}; }

    [[nodiscard]] outcome what() const noexcept { return what_; }
    [[nodiscard]] std::size_t needed() const noexcept { return header_; }
    [[nodiscard]] std::size_t header() const noexcept { return header_; }
    [[nodiscard]] std::size_t payload() const noexcept { return payload_; }
    [[nodiscard]] std::size_t trailer() const noexcept { return trailer_; }
    [[nodiscard]] const error_code& error() const noexcept { return error_; }

private:
    decode_result(outcome w, std::size_t h, std::size_t p, std::size_t t, error_code ec) noexcept
        : header_(h),
          payload_(p),
          trailer_(t),
          error_(ec),
          what_(w)
    {
    }

    std::size_t header_; // or the bytes needed
    std::size_t payload_;
    std::size_t trailer_;
    error_code error_;
    outcome what_;
};

/// A frame ready to be sent: small parts copied, large ones only seen. Copies share what they see and keep.
class encoded {
public:
    /// Adds a copy of a few bytes that mark the frame in a stream, such as a header; at most `copied_at_most` in one
    /// frame. Where packets have boundaries of their own, these are left out.
    void copy(byte_view part) noexcept
    {
        std::memcpy(copied_.data() + used_, part.data(), part.size());
        parts_.push_back({nullptr, used_, part.size()});
        used_ += part.size();
        size_ += part.size();
    }
    /// Adds payload that stays where it is and must not change until the send has completed.
    void gather(byte_view part)
    {
        if (part.empty())
            return;
        parts_.push_back({part.data(), 0, part.size()});
        size_ += part.size();
    }
    /// Adds payload that the frame keeps itself. At most one such part in a frame.
    void keep(bytes part)
    {
        kept_ = std::make_shared<bytes>(std::move(part));
        gather(*kept_);
    }

    /// Bytes in all.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t parts() const noexcept { return parts_.size(); }
    /// Part `i`; invalid after the frame was moved.
    [[nodiscard]] byte_view part(std::size_t i) const noexcept
    {
        const piece& p = parts_[i];
        return {p.seen != nullptr ? p.seen : copied_.data() + p.offset, p.size};
    }
    /// Whether part `i` is payload.
    [[nodiscard]] bool is_payload(std::size_t i) const noexcept { return parts_[i].seen != nullptr; }
    /// The part given to `keep`, to be moved out if nothing else of the frame is wanted; null if there is none, or if a
    /// copy of the frame needs it too.
    [[nodiscard]] bytes* kept() noexcept { return kept_.use_count() == 1 ? kept_.get() : nullptr; }

    static constexpr std::size_t copied_at_most = 64;

private:
    struct piece {
        const std::byte* seen; // null: in copied_
        std::size_t offset;
        std::size_t size;
    };
    boost::container::small_vector<piece, 4> parts_;
    std::array<std::byte, copied_at_most> copied_;
    std::shared_ptr<bytes> kept_;
    std::size_t used_ = 0;
    std::size_t size_ = 0;
};

/// What every framing has. A framing is a value that may hold its configuration and the progress of a scan.
///
/// * `decode(buffered, limits)`: `buffered` starts where the next frame starts. Between calls bytes are only appended,
///   except that after a frame, and after `reset()` (optional; called when somebody else has taken bytes off the stream), it
///   starts anew. Needing more is never an error. A size that exceeds `limits.max_payload()` is refused as soon as it
///   is known. Nothing keeps a pointer into `buffered`. An error repeats for the same bytes.
/// * `encode(message, limits, out)` appends one frame, or returns an error (`errc::too_large`, …), in which case nothing
///   is sent.
///
/// On packets that have boundaries of their own, each is one message: `decode` is not used, and of what `encode` makes only
/// the payload is sent.
///
/// `decode` is called by one thread at a time. `encode` and `load` are const and may be called by several at once, also
/// while `decode` runs: they use only what `decode` does not change.
template <class F>
concept framing = std::copy_constructible<F> && requires(F& f, byte_view buffered, const limits& l) {
    typename F::message_type;
    { f.decode(buffered, l) } -> std::same_as<decode_result>;
};

/// A framing of byte messages: the payload is sent from where it lies, in any number of pieces.
template <class F>
concept byte_framing = framing<F> && std::same_as<typename F::message_type, bytes> &&
                       requires(const F& f, std::span<const byte_view> payload, const limits& l, encoded& out) {
                           { f.encode(payload, l, out) } -> std::same_as<error_code>;
                       };

/// A framing of values: `encode` takes the value, `load` makes it from the payload of a frame.
template <class F>
concept typed_framing =
    framing<F> && !byte_framing<F> &&
    requires(const F& f, const typename F::message_type& m, bytes payload, const limits& l, encoded& out) {
        { f.encode(m, l, out) } -> std::same_as<error_code>;
        { f.load(std::move(payload)) } -> std::same_as<typename F::message_type>;
    };

} // namespace ferrule
