// The contract of a framing: bytes in, frames out. A framing does no I/O, reads no clock and takes no lock.
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

/// The verdict of a framing on the bytes at the front of the buffer.
enum class decode_status : unsigned char { need_more, frame, failed, skip };

/// The answer of a framing's `decode`: more bytes needed, a frame, an error, or noise.
class decode_result {
public:
    /// The frame is incomplete: at least `n` (≥ 1) more bytes are needed. State the exact number once the size of the
    /// frame is known, because the endpoint sizes its memory by it.
    static decode_result need_more(std::size_t n) noexcept { return {decode_status::need_more, n, 0, 0, {}}; }
    /// Nothing of a message has arrived, only what may lie between two. The end of the stream would be a clean one.
    static decode_result between_messages() noexcept { return {decode_status::need_more, 1, 0, 1, {}}; }
    /// A frame of `header` bytes to skip, `payload` bytes to deliver and `trailer` bytes to skip.
    static decode_result frame(std::size_t header, std::size_t payload, std::size_t trailer = 0) noexcept
    {
        return {decode_status::frame, header, payload, trailer, {}};
    }
    /// The bytes begin no frame that may be delivered: `errc::malformed` or `errc::too_large`. `size` is the size of
    /// the refused frame, as far as it is known, even if the frame is incomplete.
    static decode_result failed(error_code ec, std::size_t size = SIZE_MAX) noexcept
    {
        return {decode_status::failed, 0, size, 0, ec};
    }

    /// The first `n` bytes (≥ 1) are noise, such as a frame that a fault of the line has damaged. The endpoint drops
    /// and counts them, and asks again.
    static decode_result skip(std::size_t n) noexcept { return {decode_status::skip, n, 0, 0, {}}; }

    [[nodiscard]] decode_status status() const noexcept { return status_; }
    [[nodiscard]] bool is_between_messages() const noexcept
    {
        return status_ == decode_status::need_more && trailer_ != 0;
    }
    [[nodiscard]] std::size_t needed() const noexcept { return header_; }
    [[nodiscard]] std::size_t header() const noexcept { return header_; }
    [[nodiscard]] std::size_t payload() const noexcept { return payload_; }
    [[nodiscard]] std::size_t trailer() const noexcept { return trailer_; }
    /// Bytes in the whole frame, or to skip. For a refused frame, `SIZE_MAX` if the size is unknown.
    [[nodiscard]] std::size_t size() const noexcept { return header_ + payload_ + trailer_; }
    [[nodiscard]] const error_code& error() const noexcept { return error_; }

private:
    decode_result(decode_status s, std::size_t h, std::size_t p, std::size_t t, error_code ec) noexcept
        : header_(h),
          payload_(p),
          trailer_(t),
          error_(ec),
          status_(s)
    {
    }

    std::size_t header_; // or the bytes needed
    std::size_t payload_;
    std::size_t trailer_;
    error_code error_;
    decode_status status_;
};

/// A frame ready to be sent. It copies small parts and refers to large ones. Copies share the payload they refer to.
class encoded {
public:
    /// Receives the number of bytes of the frame that have left, and the size of the frame.
    using watcher = std::function<void(std::size_t sent, std::size_t total)>;

    /// Appends a copy of bytes that delimit the frame in a stream, such as a header or a separator. They are left out
    /// on transports that preserve packet boundaries. `part` may point into this frame.
    void append_copy(byte_view part)
    {
        const std::size_t before = copied_.size();
        const std::size_t own = detail::offset_within(copied_.all(), part);
        const std::span<std::byte> to = copied_.grow(part.size());
        if (!part.empty())
            std::memcpy(to.data(), own != before ? copied_.all().data() + own : part.data(), part.size());
        add({nullptr, before, part.size()});
    }
    /// Appends payload without copying it. The payload must not change until the send has completed.
    void append_view(byte_view part)
    {
        if (part.empty())
            return;
        add({part.data(), 0, part.size()});
    }
    void append_view(std::span<const byte_view> parts)
    {
        for (const byte_view part : parts)
            append_view(part);
    }
    /// Keeps `payload` alive as long as the frame, and returns a view of it for `append_view`. It may be called
    /// repeatedly, because one framing may wrap another.
    byte_view hold(bytes payload)
    {
        kept_ = std::make_shared<held>(std::move(payload), std::move(kept_));
        return kept_->payload;
    }
    /// Appends payload that the frame owns.
    void append_owned(bytes payload) { append_view(hold(std::move(payload))); }
    /// Calls `w` after every transfer of this frame, on the transferring thread and under the lock of the direction. On
    /// streams one transfer moves at most 256 KiB. The rest of an interrupted frame, which the endpoint sends later, is
    /// not reported. An exception from `w` ends the send like an interruption, and is reported as described at
    /// `errc::framing_failed`.
    void on_progress(std::shared_ptr<const watcher> w) noexcept { watcher_ = std::move(w); }

    /// Sends the handle `h` beside the first byte of the frame. Transports that cannot do this refuse the send
    /// (`errc::unsupported`). `owner` keeps the handle open as long as the frame lives. A frame carries one handle.
    void attach(native_handle_type h, std::shared_ptr<const void> owner) noexcept
    {
        attached_ = h;
        attached_owner_ = std::move(owner);
    }

    /// Joins the payload into one piece, and drops everything else.
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
        append_owned(std::move(whole));
    }

    /// Bytes in all parts.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t parts() const noexcept { return parts_.size(); }
    /// Part `i`. Moving the frame invalidates the view.
    [[nodiscard]] byte_view part(std::size_t i) const noexcept
    {
        const piece& p = parts_.all()[i];
        return {p.seen != nullptr ? p.seen : copied_.all().data() + p.offset, p.size};
    }
    /// Whether part `i` is payload.
    [[nodiscard]] bool is_payload(std::size_t i) const noexcept { return parts_.all()[i].seen != nullptr; }
    /// The payload given to `hold`, which may be moved out if the rest of the frame is not needed. Null unless it is
    /// the only one and no copy of the frame shares it.
    [[nodiscard]] bytes* kept() noexcept
    {
        return kept_ && !kept_->next && kept_.use_count() == 1 ? &kept_->payload : nullptr;
    }
    /// The handle given to `attach`, or `invalid_handle`.
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
        const std::byte* seen; // null: in `copied_`
        std::size_t offset;
        std::size_t size;
    };
    struct held {
        held(bytes p, std::shared_ptr<held> n) noexcept : payload(std::move(p)), next(std::move(n)) {}
        held(const held&) = delete;
        held& operator=(const held&) = delete;
        ~held()
        {
            while (next && next.use_count() == 1) // a loop, because recursion could exhaust the stack
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

/// The argument of a framing's `encode`: the pieces of a byte message, or a value.
template <class Message>
using encode_argument = std::conditional_t<std::same_as<Message, bytes>, std::span<const byte_view>, const Message&>;

/// The requirements that all framings share. A framing is a value that may hold its configuration and the progress of a
/// scan.
///
/// * `decode(buffered, limits)` examines the bytes at the front of the stream. `buffered` begins where the next frame
///   begins. Between calls the caller only appends bytes. After a frame, after noise and after `reset()`, `buffered`
///   starts anew. An incomplete frame is never an error. A size above `limits.max_payload()` is refused as soon as it
///   is known. No pointer into `buffered` is kept. The same bytes yield the same error again.
/// * `encode(message, limits, out)` appends one frame, or returns an error (`errc::too_large`, …). After an error
///   nothing is sent.
/// * `reset()` is optional. It is called when another reader has taken bytes off the stream.
///
/// On transports that preserve packet boundaries, one packet is one message. There `decode` is not used, and only the
/// payload that `encode` appends is sent.
/// Thread safety: `decode` is called by one thread at a time. `encode` and `load` are const. Several threads may call
/// them at the same time, also while `decode` runs, so they must use nothing that `decode` changes.
template <class F>
concept framing = std::copy_constructible<F> && requires(F& f, byte_view buffered, const limits& l) {
    typename F::message_type;
    { f.decode(buffered, l) } -> std::same_as<decode_result>;
};

/// A framing of byte messages. The payload is sent without copying, in any number of pieces.
template <class F>
concept byte_framing = framing<F> && std::same_as<typename F::message_type, bytes> &&
                       requires(const F& f, std::span<const byte_view> payload, const limits& l, encoded& out) {
                           { f.encode(payload, l, out) } -> std::same_as<error_code>;
                       };

/// A byte framing whose frames contain the payload in another form, such as with escapes. `load` restores it. It must
/// not refuse what `decode` has found to be a frame. Of packets, which `decode` does not see, it throws `frame_error`
/// (`errc::malformed`) if they are in no such form.
template <class F>
concept restoring_framing = byte_framing<F> && requires(const F& f, bytes payload) {
    { f.load(std::move(payload)) } -> std::same_as<bytes>;
};

/// Whether a framing finds the next good frame by itself after a fault of the line.
template <class F>
inline constexpr bool resynchronizes = false;
template <class F>
    requires requires { F::resynchronizes; }
inline constexpr bool resynchronizes<F> = F::resynchronizes;

/// A framing of values. `encode` takes a value, `load` makes one from the payload of a frame. `load` throws
/// `frame_error` (`errc::invalid_value`) if the payload is not such a value.
template <class F>
concept typed_framing =
    framing<F> && !byte_framing<F> &&
    requires(const F& f, const typename F::message_type& m, bytes payload, const limits& l, encoded& out) {
        { f.encode(m, l, out) } -> std::same_as<error_code>;
        { f.load(std::move(payload)) } -> std::same_as<typename F::message_type>;
    };

/// A framing of values that are more than the bytes of their frames, such as handles. `attached(position)` is called
/// when `decode` has found a frame. `position` is the offset of the frame in bytes since the endpoint was made. The
/// result is passed to `load` with the payload of that frame.
/// Thread safety: `attached` is called by one thread at a time, as `decode` is.
/// Cancellation: `attached` is called again for a frame whose receive was cancelled.
template <class F>
concept attached_framing = framing<F> && requires(const F& f, const typename F::message_type& m, bytes payload,
                                                  const limits& l, encoded& out) {
    { f.encode(m, l, out) } -> std::same_as<error_code>;
    { f.load(std::move(payload), f.attached(std::uint64_t{})) } -> std::same_as<typename F::message_type>;
};

namespace detail {

/// The message in the payload of a frame or packet.
template <byte_framing F>
[[nodiscard]] bytes restored(const F& f, bytes payload)
{
    if constexpr (restoring_framing<F>)
        return f.load(std::move(payload));
    else
        return payload;
}

/// Resets a framing that has a `reset()`.
template <class F>
void restart(F& f)
{
    if constexpr (requires { f.reset(); })
        f.reset();
}

} // namespace detail

} // namespace ferrule
