// What ferrule asks of the end of anything that moves bytes, and `descriptor`, which holds any such end.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/native_handle.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace ferrule {

/// The two directions of an endpoint.
enum class direction : unsigned char { read, write };

/// Whether one send is one receive.
enum class transfer_kind : unsigned char {
    /// Bytes without boundaries: stream sockets, pipes.
    stream,
    /// Packets that arrive whole: datagram and seqpacket sockets, Windows message pipes.
    message
};

/// What an attempt to move bytes achieved. `end` is the peer's end of the stream, and only for reading.
class io_result {
public:
    enum class status : unsigned char { moved, would_block, end, failed, larger };

    /// `n` bytes were moved; at least one, unless the buffers were empty or a packet was.
    static io_result moved(std::size_t n) noexcept { return {status::moved, n, {}}; }
    /// The next packet has `n` bytes, more than there was room for. It was not taken.
    static io_result larger(std::size_t n) noexcept { return {status::larger, n, {}}; }
    static io_result would_block() noexcept { return {status::would_block, 0, {}}; }
    static io_result end() noexcept { return {status::end, 0, {}}; }
    static io_result failed(error_code ec) noexcept { return {status::failed, 0, ec}; }

    [[nodiscard]] status what() const noexcept { return status_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const error_code& error() const noexcept { return error_; }

private:
    io_result(status s, std::size_t n, error_code ec) noexcept : size_(n), error_(ec), status_(s) {}

    std::size_t size_;
    error_code error_;
    status status_;
};

/// What to wait for before trying again: an operating system handle that polls readable (or writable), or nothing. On Windows it is
/// a handle that the wait functions take, such as an event, and always `readable`.
class readiness {
public:
    /// Try again at once.
    static readiness now() noexcept { return {}; }
    static readiness readable(native_handle_type h) noexcept { return {h, false}; }
    static readiness writable(native_handle_type h) noexcept { return {h, true}; }

    [[nodiscard]] bool is_now() const noexcept { return handle_ == invalid_handle; }
    [[nodiscard]] native_handle_type handle() const noexcept { return handle_; }
    [[nodiscard]] bool for_write() const noexcept { return write_; }

    friend bool operator==(const readiness&, const readiness&) noexcept = default;

private:
    readiness() noexcept = default;
    readiness(native_handle_type h, bool write) noexcept : handle_(h), write_(write) {}

    native_handle_type handle_ = invalid_handle;
    bool write_ = false;
};

/// The end of something that moves bytes: model this to use a type of your own with ferrule.
///
/// * `try_read(span)` and `try_write(buffers)` move what can be moved now and never wait. `try_write` may take only
///   the first part of the bytes. They must not throw.
/// * Where `kind()` is `transfer_kind::message`, each moves one whole packet, which may be empty: `try_read` answers
///   `io_result::larger` rather than take a packet that does not fit, `try_write` takes all or nothing.
/// * After `would_block`, and after an attempt that moved less than there was room for, `arm(direction)` says what to wait
///   for: `now()` while the type itself holds more to be read. A handle must stay ready (level-triggered) until the attempt
///   that follows; a type without a handle of its own makes a doorbell, such as an eventfd.
/// * `close()` releases what the object holds. It is called once, when no other call is under way.
///
/// ferrule makes at most one read call and one write call at a time, from any thread; reads and writes may overlap.
///
/// Optional members, used where present: `try_write(buffers, handle)` → io_result (the handle travels beside the first byte;
/// without it, frames that bring a handle are `errc::unsupported`), `kind()` → transfer_kind (default stream),
/// `can(direction)` → bool (default true), `disarm(direction)` (the wait is over), `shutdown_write()` → error_code (half-close), `native_handle()`,
/// `release()` → native_handle_type (give the handle away; or `release(bytes&)`, which appends what was taken from the
/// system and given to nobody yet), `inheritable()` → bool, `set_inheritable(bool)` → error_code.
template <class T>
concept socket_like = requires(T& t, std::span<std::byte> in, std::span<const byte_view> out, direction d) {
    { t.try_read(in) } -> std::same_as<io_result>;
    { t.try_write(out) } -> std::same_as<io_result>;
    { t.arm(d) } -> std::same_as<readiness>;
    t.close();
} && std::move_constructible<T>;

namespace detail {

class any_descriptor {
public:
    any_descriptor() = default;
    any_descriptor(const any_descriptor&) = delete;
    any_descriptor& operator=(const any_descriptor&) = delete;
    virtual ~any_descriptor() = default;

    virtual io_result try_read(std::span<std::byte>) noexcept = 0;
    virtual io_result try_write(std::span<const byte_view>) noexcept = 0;
    /// `beside` travels with the first of the bytes.
    virtual io_result try_write(std::span<const byte_view>, native_handle_type beside) noexcept = 0;
    virtual readiness arm(direction) noexcept = 0;
    virtual void disarm(direction) noexcept = 0;
    virtual void close() noexcept = 0;
    virtual bool can(direction) const noexcept = 0;
    virtual transfer_kind kind() const noexcept = 0;
    virtual error_code shutdown_write() noexcept = 0;
    virtual native_handle_type native_handle() const noexcept = 0;
    virtual native_handle_type release(bytes& left) noexcept = 0;
    virtual bool inheritable() const = 0;
    virtual error_code set_inheritable(bool) noexcept = 0;
};

template <socket_like T>
class descriptor_holder final : public any_descriptor {
public:
    explicit descriptor_holder(T value) : value_(std::move(value)) {}

    io_result try_read(std::span<std::byte> in) noexcept override { return value_.try_read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept override { return value_.try_write(out); }
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept override
    {
        if constexpr (requires { value_.try_write(out, beside); })
            return value_.try_write(out, beside);
        return io_result::failed(errc::unsupported);
    }
    readiness arm(direction d) noexcept override { return value_.arm(d); }
    void disarm(direction d) noexcept override
    {
        if constexpr (requires { value_.disarm(d); })
            value_.disarm(d);
    }
    void close() noexcept override { value_.close(); }
    bool can(direction d) const noexcept override
    {
        if constexpr (requires { value_.can(d); })
            return value_.can(d);
        return true;
    }
    transfer_kind kind() const noexcept override
    {
        if constexpr (requires { value_.kind(); })
            return value_.kind();
        return transfer_kind::stream;
    }
    error_code shutdown_write() noexcept override
    {
        if constexpr (requires { value_.shutdown_write(); })
            return value_.shutdown_write();
        return errc::unsupported;
    }
    native_handle_type native_handle() const noexcept override
    {
        if constexpr (requires { value_.native_handle(); })
            return value_.native_handle();
        return invalid_handle;
    }
    native_handle_type release(bytes& left) noexcept override
    {
        if constexpr (requires { value_.release(left); })
            return value_.release(left);
        else if constexpr (requires { value_.release(); })
            return value_.release();
        return invalid_handle;
    }
    bool inheritable() const override
    {
        if constexpr (requires { value_.inheritable(); })
            return value_.inheritable();
        return false;
    }
    error_code set_inheritable(bool on) noexcept override
    {
        if constexpr (requires { value_.set_inheritable(on); })
            return value_.set_inheritable(on);
        return errc::unsupported;
    }

private:
    T value_;
};

} // namespace detail

class descriptor;

namespace detail {

/// As `adopt`, but on behalf of ferrule: whatever happens later, the handle is never the caller's again.
[[nodiscard]] FERRULE_EXPORT descriptor own(native_handle_type handle);
/// The handle is the caller's again if no endpoint takes it.
[[nodiscard]] descriptor callers(descriptor d) noexcept;

} // namespace detail

[[nodiscard]] descriptor adopt(native_handle_type handle);

/// Any `socket_like`, owned. Move-only. Hand it to a `reader`, `writer` or `duplex`; one that is dropped without having
/// been handed on is closed.
class descriptor {
public:
    template <class T>
        requires(!std::same_as<T, descriptor> && socket_like<T>)
    descriptor(T value) : impl_(std::make_unique<detail::descriptor_holder<T>>(std::move(value)))
    {
    }
    descriptor(descriptor&&) noexcept = default;
    descriptor& operator=(descriptor&& other) noexcept
    {
        close();
        impl_ = std::move(other.impl_);
        was_callers_ = other.was_callers_;
        return *this;
    }
    ~descriptor() { close(); }

    /// Used by the endpoint that is about to take the descriptor over. Throws `usage_error` (`errc::wrong_direction`) if it does not
    /// move bytes that way; a handle that was adopted is left open then, and belongs to the caller again.
    [[nodiscard]] descriptor&& require(direction d) &&
    {
        if (impl_ && !impl_->can(d)) {
            give_back();
            throw_error(errc::wrong_direction);
        }
        return std::move(*this);
    }
    /// Used by the endpoint that cannot take the descriptor over: a handle that was adopted belongs to the caller again.
    void give_back() noexcept
    {
        if (impl_ && was_callers_) {
            bytes nothing;
            (void)std::exchange(impl_, nullptr)->release(nothing);
        }
    }
    /// Used by the endpoint that takes the descriptor over; leaves this one empty.
    [[nodiscard]] std::unique_ptr<detail::any_descriptor> take() && noexcept { return std::move(impl_); }
    /// For the parts of ferrule that use it before an endpoint does. Null where it was taken.
    [[nodiscard]] detail::any_descriptor* get() const noexcept { return impl_.get(); }

private:
    void close() noexcept
    {
        if (impl_)
            impl_->close();
    }

    friend descriptor detail::callers(descriptor d) noexcept;

    std::unique_ptr<detail::any_descriptor> impl_;
    bool was_callers_ = false; // and is again if no endpoint takes it
};

inline descriptor detail::callers(descriptor d) noexcept
{
    d.was_callers_ = true;
    return d;
}

/// Takes ownership of an open handle, whose kind is found out by asking the system. The handle becomes
/// close-on-exec. On error the handle is left open and still belongs to the caller, also on the error of an endpoint that cannot use
/// it: `reader(adopt(h))` that throws leaves `h` to the caller. What another argument throws while it is made closes the handle: make
/// that argument before.
/// Throws `usage_error` (`errc::bad_descriptor`) for a handle that is not open or does not move bytes, and
/// `errc::listening` for a listening socket.
[[nodiscard]] inline descriptor adopt(native_handle_type handle)
{
    return detail::callers(detail::own(handle));
}

/// Like `adopt`, with a duplicate of the handle; the original stays the caller's. The duplicate is close-on-exec, and closed on any
/// error.
[[nodiscard]] FERRULE_EXPORT descriptor duplicate(native_handle_type handle);

/// Uses the handle without owning it: nothing is closed and no flag of it is changed. The caller keeps it open for as
/// long as the endpoint lives. (A socket of Windows's becomes non-blocking, and its news are the endpoint's: it has no other way.)
[[nodiscard]] FERRULE_EXPORT descriptor borrow(native_handle_type handle);

} // namespace ferrule
