// Error codes, conditions and exceptions.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace ferrule {

using boost::system::error_code;
using boost::system::error_condition;

/// Errors that ferrule itself reports. Errors of the operating system are passed on in their own category.
enum class errc {
    /// The peer ended the stream where it may end. Cure: none needed; everything has arrived.
    end_of_stream = 1,
    /// The peer ended the stream inside a frame, or before the requested bytes had arrived. What did arrive is still in
    /// the stream. Cure: find out why the peer stopped; `take_partial()` returns the rest.
    truncated,
    /// The bytes are no frame of this framing. Every later read reports this again; ferrule never guesses where the
    /// next frame might begin. Cure: use one framing at both ends; close the connection.
    malformed,
    /// A frame, line or stream is larger than the limit. It was not read into memory. Cure: raise the limit of this
    /// object, or close the connection.
    too_large,
    /// The deadline passed while data was in transit. Nothing is lost. Cure: repeat the call, or allow more time.
    timed_out,
    /// The deadline passed while another operation of the same direction was under way. Nothing was started.
    lock_timed_out,
    /// The caller cancelled the operation (stop token or Asio cancellation). Nothing is lost.
    cancelled,
    /// This program closed the object.
    closed,
    /// Another thread or coroutine used this direction when the process forked, so its state in the child is unknown.
    /// Cure: in the child, use only what was idle at the fork.
    forked,
    /// The call would wait for ever for an asynchronous operation that only the calling thread could run.
    would_deadlock,
    /// A read from a write-only endpoint, or the reverse.
    wrong_direction,
    /// Not an open descriptor of a kind that moves bytes.
    bad_descriptor,
    /// The socket is listening. Cure: accept a connection and use that.
    listening,
    /// An argument is out of range, such as a negative length.
    invalid_argument,
    /// This kind of descriptor does not support the operation.
    unsupported,
    /// The rest of an interrupted frame could not be kept for lack of memory, so this direction cannot continue. Or the
    /// call, such as `release`, would lose an unsent tail; nothing was changed then. Cure: `flush` first.
    torn,
    /// The endpoint has read bytes that are not yet received; a new owner of its handle would miss them. Cure: receive
    /// them first, or `release()` the handle and pass its bytes on.
    read_ahead,
    /// A packet was longer than the bytes asked for. The result is its first part; the rest is gone. Cure: `recv()`
    /// takes a packet whole, whatever its size.
    packet_truncated,
    /// The frame is whole, but its payload is no value of the type received (not JSON, or msgpack of another type). It
    /// has been taken off the stream; the error shows it, and the next read continues behind it.
    invalid_value,
    /// The framing cannot express this message. It contains the separator, has the wrong size, or is a value that the
    /// serialisation does not support. Nothing was sent.
    unencodable,
    /// A framing threw an exception. Calls that throw rethrow it unchanged; the others report this code. If `decode`
    /// threw, the frame is still in the stream; if `load` threw, it has been taken off.
    framing_failed,
    /// The ends do not trust each other. One has the wrong key, or has none although the other requires one. The
    /// message says which. Cure: give both the same key.
    unauthenticated,
    /// Another operation of this direction is under way. Cure: try again later.
    busy,
    /// A function given to ferrule, such as `client_options::on_connected`, threw an exception of its own. Calls that throw
    /// rethrow it unchanged; the others report this code.
    callback_failed,
};

/// Groups of errors to compare an `error_code` with, as in `if (ec == condition::broken)`.
enum class condition {
    /// `end_of_stream`, `truncated`.
    end = 1,
    /// `timed_out`, `lock_timed_out`, ETIMEDOUT.
    timeout,
    /// `cancelled`, ECANCELED, `asio::error::operation_aborted`.
    cancelled,
    /// The peer or the system broke the connection: EPIPE, ECONNRESET, ECONNABORTED, ENOTCONN, ECONNREFUSED,
    /// EHOSTUNREACH, ENETDOWN, ENETRESET, ENETUNREACH, ETIMEDOUT of the transport. EIO, ENODEV and ENXIO: a device, such
    /// as a serial port, has gone.
    broken,
    /// What `frame_error` reports: `malformed`, `too_large`, `packet_truncated`, `invalid_value`.
    bad_frame,
    /// Mistakes of the caller: `wrong_direction`, `bad_descriptor`, `listening`, `invalid_argument`, `unsupported`,
    /// `would_deadlock`, `unencodable`, `read_ahead`.
    misuse,
    /// One end does not trust the other: `unauthenticated`, and certificates that TLS refuses at either end.
    untrusted,
};

FERRULE_FRAMING_EXPORT const boost::system::error_category& error_category() noexcept;
FERRULE_FRAMING_EXPORT const boost::system::error_category& condition_category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), error_category()};
}
inline error_condition make_error_condition(condition c) noexcept
{
    return {static_cast<int>(c), condition_category()};
}

} // namespace ferrule

template <>
struct boost::system::is_error_code_enum<ferrule::errc> : std::true_type {};
template <>
struct boost::system::is_error_condition_enum<ferrule::condition> : std::true_type {};

namespace ferrule {

/// The base of every exception that ferrule throws for a failed operation.
class FERRULE_FRAMING_EXPORT error : public boost::system::system_error {
public:
    explicit error(error_code ec, byte_view data = {}, std::size_t transferred = 0);
    /// Makes `what()` begin with `context`.
    error(error_code ec, const std::string& context, byte_view data = {}, std::size_t transferred = 0);

    /// Receiving: the first bytes, at most 64 KiB, of what had arrived. They are still in the stream.
    [[nodiscard]] byte_view data() const noexcept { return data_ ? byte_view(*data_) : byte_view(); }
    /// Receiving: the number of bytes that had arrived. Sending: the number of bytes of this frame that had left. 0
    /// means that the frame was not started. Otherwise the endpoint owns the rest and sends it before any later frame.
    [[nodiscard]] std::size_t transferred() const noexcept { return transferred_; }
    /// Sending: whether part of the frame had left.
    [[nodiscard]] bool in_flight() const noexcept { return transferred_ != 0; }

private:
    std::shared_ptr<const bytes> data_; // exceptions must copy without throwing
    std::size_t transferred_;
};

/// `condition::end`.
class FERRULE_FRAMING_EXPORT eof_error : public error {
    using error::error;
};
/// `condition::timeout`.
class FERRULE_FRAMING_EXPORT timeout_error : public error {
    using error::error;
};
/// `condition::cancelled`.
class FERRULE_FRAMING_EXPORT cancelled_error : public error {
    using error::error;
};
/// `errc::closed`.
class FERRULE_FRAMING_EXPORT closed_error : public error {
    using error::error;
};
/// `condition::broken`.
class FERRULE_FRAMING_EXPORT broken_error : public error {
    using error::error;
};
/// `condition::bad_frame`.
class FERRULE_FRAMING_EXPORT frame_error : public error {
    using error::error;
};
/// `condition::misuse`.
class FERRULE_FRAMING_EXPORT usage_error : public error {
    using error::error;
};

namespace detail {

/// The code for a `std::bad_alloc` that must not be thrown.
inline error_code no_memory() noexcept
{
    return boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
}

/// As `throw_error`; `what()` begins with `context`.
[[noreturn]] FERRULE_FRAMING_EXPORT void throw_in_context(error_code ec, const std::string& context,
                                                          byte_view data = {}, std::size_t transferred = 0);

} // namespace detail

/// Throws the exception type above that fits `ec`, else `error`. `ec` must be an error.
[[noreturn]] FERRULE_FRAMING_EXPORT void throw_error(error_code ec, byte_view data = {}, std::size_t transferred = 0);

} // namespace ferrule
