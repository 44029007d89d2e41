// The contract between a framing and the rest: bytes in, frames out. No I/O, no clock, no lock.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/error.hpp>
#include <ferrule/framing/short_list.hpp>
#include <ferrule/limits.hpp>
#include <ferrule/native_handle.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
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
    /// These bytes begin no frame that may be delivered: `errc::malformed` or `errc::too_large`. `size` is that of the
    /// frame that is refused, as far as it is known, even if it has not arrived whole.
    static decode_result failed(error_code ec, std::size_t size = SIZE_MAX) noexcept
    {
        return {outcome::failed, 0, size, 0, ec};
    }

    [[nodiscard]] outcome what() const noexcept { return what_; }
    [[nodiscard]] std::size_t needed() const noexcept { return header_; }
    [[nodiscard]] std::size_t header() const noexcept { return header_; }
    [[nodiscard]] std::size_t payload() const noexcept { return payload_; }
    [[nodiscard]] std::size_t trailer() const noexcept { return trailer_; }
    /// All bytes of a frame; of one that is refused, `SIZE_MAX` if unknown.
    [[nodiscard]] std::size_t size() const noexcept { return header_ + payload_ + trailer_; }
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
    /// Called with the bytes of the frame that have left, and all it has.
    using watcher = std::function<void(std::size_t sent, std::size_t total)>;

    /// Adds a copy of bytes that mark the frame in a stream, such as a header or a separator. Where packets have
    /// boundaries of their own, these are left out. `part` may be a part of this frame.
    void copy(byte_view part)
    {
        const std::size_t before = copied_.size();
        const std::size_t own = detail::offset_within(copied_.all(), part);
        const std::span<std::byte> to = copied_.grow(part.size());
        if (!part.empty())
            std::memcpy(to.data(), own != before ? copied_.all().data() + own : part.data(), part.size());
        add({nullptr, before, part.size()});
    }
    /// Adds payload that stays where it is and must not change until the send has completed.
    void gather(byte_view part)
    {
        if (part.empty())
            return;
        add({part.data(), 0, part.size()});
    }
    void gather(std::span<const byte_view> parts)
    {
        for (const byte_view part : parts)
            gather(part);
    }
    /// Keeps payload for as long as the frame lives, and returns a view of it for `gather`. As often as you like: a framing
    /// may be given payload that another one holds.
    byte_view hold(bytes payload)
    {
        kept_ = std::make_shared<held>(std::move(payload), std::move(kept_));
        return kept_->payload;
    }
    /// Adds payload that the frame keeps itself.
    void keep(bytes payload) { gather(hold(std::move(payload))); }
    /// Lets `w` watch the frame leave, in steps of at most 256 KiB on streams. It is called after every transfer, by the thread that did it, under the lock of the
    /// direction; not for what the endpoint sends later of an interrupted frame. What it throws ends the send, as an
    /// interruption would, and is what a framing has thrown.
    void watch(std::shared_ptr<const watcher> w) noexcept { watcher_ = std::move(w); }

    /// Lets a handle travel beside the first byte of the frame, where the transport can do that; elsewhere the send is refused
    /// (`errc::unsupported`). `owner` keeps the handle open for as long as the frame lives. Once in a frame.
    void attach(native_handle_type h, std::shared_ptr<const void> owner) noexcept
    {
        attached_ = h;
        attached_owner_ = std::move(owner);
    }

    /// Makes one piece of the payload and leaves everything else out.
    void join_payload()
    {
        bytes whole;
        for (std::size_t i = 0; i < parts(); ++i)
            if (is_payload(i))
                whole.append(part(i));
        parts_.clear();
        copied_.clear();
        kept_.reset();
        size_ = 0;
        keep(std::move(whole));
    }

    /// Bytes in all.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t parts() const noexcept { return parts_.size(); }
    /// Part `i`; invalid after the frame was moved.
    [[nodiscard]] byte_view part(std::size_t i) const noexcept
    {
        const piece& p = parts_.all()[i];
        return {p.seen != nullptr ? p.seen : copied_.all().data() + p.offset, p.size};
    }
    /// Whether part `i` is payload.
    [[nodiscard]] bool is_payload(std::size_t i) const noexcept { return parts_.all()[i].seen != nullptr; }
    /// What was given to `hold`, to be moved out if nothing else of the frame is wanted; null unless it is the only one, and
    /// if a copy of the frame needs it too.
    [[nodiscard]] bytes* kept() noexcept
    {
        return kept_ && !kept_->next && kept_.use_count() == 1 ? &kept_->payload : nullptr;
    }
    /// What was given to `attach`, else `invalid_handle`.
    [[nodiscard]] native_handle_type attached() const noexcept { return attached_; }
    [[nodiscard]] bool is_watched() const noexcept { return watcher_ != nullptr; }
    /// Tells the watcher that the first `n` bytes have left.
    void tell(std::size_t n) const
    {
        if (watcher_)
            (*watcher_)(n, size_);
    }

private:
    struct piece {
        const std::byte* seen; // null: in copied_
        std::size_t offset;
        std::size_t size;
    };
    struct held {
        held(bytes p, std::shared_ptr<held> n) noexcept : payload(std::move(p)), next(std::move(n)) {}
        held(const held&) = delete;
        held& operator=(const held&) = delete;
        ~held()
        {
            while (next && next.use_count() == 1) // not one inside the other: there may be many
                next = std::exchange(next->next, nullptr);
        }

        bytes payload;
        std::shared_ptr<held> next;
    };

    void add(const piece& p)
    {
        parts_.grow(1)[0] = p;
        size_ += p.size;
    }

    detail::short_list<piece, 4> parts_;
    detail::short_list<std::byte, 64> copied_;
    std::shared_ptr<held> kept_;
    std::shared_ptr<const watcher> watcher_;
    std::shared_ptr<const void> attached_owner_;
    std::size_t size_ = 0;
    native_handle_type attached_ = invalid_handle;
};

/// Bytes in all pieces of a payload.
[[nodiscard]] inline std::size_t total_size(std::span<const byte_view> payload) noexcept
{
    std::size_t size = 0;
    for (const byte_view part : payload)
        size += part.size();
    return size;
}

/// What the `encode` of a framing takes: the pieces of a byte message, or a value.
template <class Message>
using encode_argument = std::conditional_t<std::same_as<Message, bytes>, std::span<const byte_view>, const Message&>;

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

/// A framing of values: `encode` takes the value, `load` makes it from the payload of a frame. `load` throws
/// `frame_error` (`errc::invalid_value`) if the payload is none.
template <class F>
concept typed_framing =
    framing<F> && !byte_framing<F> &&
    requires(const F& f, const typename F::message_type& m, bytes payload, const limits& l, encoded& out) {
        { f.encode(m, l, out) } -> std::same_as<error_code>;
        { f.load(std::move(payload)) } -> std::same_as<typename F::message_type>;
    };

/// A framing of values that are more than the bytes of their frames, such as handles: `attached(position)` is called when
/// `decode` has found a frame that begins there, counted in bytes since the endpoint was made, and what it returns goes to
/// `load` with the payload of this frame. It is called as `decode` is, by one thread at a time; more than once for a frame
/// whose receive was cancelled.
template <class F>
concept attached_framing = framing<F> && requires(const F& f, const typename F::message_type& m, bytes payload,
                                                  const limits& l, encoded& out) {
    { f.encode(m, l, out) } -> std::same_as<error_code>;
    { f.load(std::move(payload), f.attached(std::uint64_t{})) } -> std::same_as<typename F::message_type>;
};

namespace detail {

/// Lets a framing start anew, if it has anything to forget.
template <class F>
void restart(F& f)
{
    if constexpr (requires { f.reset(); })
        f.reset();
}

} // namespace detail

} // namespace ferrule
