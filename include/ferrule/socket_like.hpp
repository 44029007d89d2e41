// The concept that ferrule wraps (`socket_like`), and `descriptor`, which holds any model of it.
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

/// Whether message boundaries are preserved.
enum class transfer_kind : unsigned char {
    /// Bytes without boundaries: stream sockets, pipes.
    stream,
    /// Packets that arrive whole: datagram and seqpacket sockets, Windows message pipes.
    message
};

/// The outcome of an attempt to move bytes.
enum class io_status : unsigned char {
    moved,       // bytes were moved
    would_block, // nothing can be moved immediately
    end,         // the peer has ended the stream; reading only
    failed,      // see `io_result::error`
    larger       // the next packet does not fit and was not taken; reading only
};

/// The result of an attempt to move bytes.
class io_result {
public:
    /// `n` bytes were moved. `n` is at least 1, unless the buffers or a packet were empty.
    static io_result moved(std::size_t n) noexcept { return {io_status::moved, n, {}}; }
    /// The next packet has `n` bytes, which is more than the room for it. It was not taken.
    static io_result larger(std::size_t n) noexcept { return {io_status::larger, n, {}}; }
    static io_result would_block() noexcept { return {io_status::would_block, 0, {}}; }
    static io_result end() noexcept { return {io_status::end, 0, {}}; }
    static io_result failed(error_code ec) noexcept { return {io_status::failed, 0, ec}; }

    [[nodiscard]] io_status status() const noexcept { return status_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const error_code& error() const noexcept { return error_; }

private:
    io_result(io_status s, std::size_t n, error_code ec) noexcept : size_(n), error_(ec), status_(s) {}

    std::size_t size_;
    error_code error_;
    io_status status_;
};

/// What to wait for before trying again: a native handle that polls readable or writable, or nothing. On Windows it is
/// a handle for the wait functions, such as an event, and always `readable`.
class readiness {
public:
    /// Try again immediately.
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

/// The end of anything that moves bytes. Model this concept to use your own type with ferrule.
///
/// * `try_read(span)` and `try_write(buffers)` move what can be moved immediately. They never wait and must not throw.
///   `try_write` may take only the first part of the bytes.
/// * Where `kind()` is `transfer_kind::message`, each call moves one whole packet, which may be empty. `try_read`
///   returns `io_result::larger` rather than take a packet that does not fit. `try_write` takes all or nothing.
/// * `arm(direction)` returns what to wait for. It is called after `would_block`, and after an attempt that moved less
///   than there was room for. It returns `now()` while the type itself holds more to be read. A handle must stay ready
///   (level-triggered) until the next attempt. A type without a handle of its own makes a doorbell, such as an eventfd.
/// * `close()` releases what the object holds. It is called once, when no other call is under way.
///
/// These members are optional:
/// * `try_write(buffers, handle)` → io_result: the handle travels beside the first byte. Without it, frames that bring
///   a handle are `errc::unsupported`.
/// * `kind()` → transfer_kind, by default stream
/// * `can(direction)` → bool, by default true
/// * `disarm(direction)`: the wait is over
/// * `shutdown_write()` → error_code: half-close
/// * `unsent()` → std::size_t: the bytes that the type itself holds of what `try_write` has taken, or of its own. Any
///   thread may ask, even after `close()`. By default 0.
/// * `try_flush()` → io_result: makes one attempt to send those. The result is `moved(0)` when none are left. It is a
///   write call. A send, a flush and a half-close are over when it has succeeded. A receive that waits calls it, too.
/// * `sends_in_background()` → bool: whether the type sends what it holds without being asked. Then a send is over when
///   `try_write` has taken its bytes, and `shutdown_write()` may come while it holds some. Only a flush and a half-close
///   wait for `try_flush`. By default false.
/// * `try_drain()` → io_result: for a type that sends in the background, whether the next `try_write` would take
///   something: `moved(0)` or `would_block`. By default `try_flush()`.
/// * `stale(direction)` → bool: whether a call in the other direction has changed what `arm` last returned for this
///   one. Then who waits here tries again. Any thread may ask. By default false.
/// * `drained()` → bool: whether the last `try_read`, which found nothing or less than there was room for, has left
///   nothing. Then nobody asks the system again before new input makes the handle ready. By default false.
/// * `in_memory()` → bool: whether an attempt makes no system call. Then who waits tries more often before it sleeps. By
///   default false.
/// * `native_handle()` → native_handle_type
/// * `socket()` → native_handle_type: the socket beneath, to ask for its names and options; by default `native_handle()`
/// * `release()` → native_handle_type: gives the handle away. `release(bytes&)` also appends what was read from the
///   system but not returned by `try_read`.
/// * `inheritable()` → bool, `set_inheritable(bool)` → error_code
///
/// Thread safety: ferrule makes at most one read call and one write call at a time, from any thread. Reads and writes
/// may overlap.
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
    /// `beside` travels with the first byte.
    virtual io_result try_write(std::span<const byte_view>, native_handle_type beside) noexcept = 0;
    virtual readiness arm(direction) noexcept = 0;
    virtual void disarm(direction) noexcept = 0;
    virtual void close() noexcept = 0;
    virtual bool can(direction) const noexcept = 0;
    virtual transfer_kind kind() const noexcept = 0;
    virtual error_code shutdown_write() noexcept = 0;
    virtual std::size_t unsent() const noexcept { return 0; }
    virtual io_result try_flush() noexcept { return io_result::moved(0); }
    virtual bool sends_in_background() const noexcept { return false; }
    virtual io_result try_drain() noexcept { return try_flush(); }
    virtual bool stale(direction) const noexcept { return false; }
    virtual bool drained() const noexcept { return false; }
    virtual bool in_memory() const noexcept { return false; }
    virtual native_handle_type native_handle() const noexcept = 0;
    virtual native_handle_type socket() const noexcept { return native_handle(); }
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
    std::size_t unsent() const noexcept override
    {
        if constexpr (requires { value_.unsent(); })
            return value_.unsent();
        return 0;
    }
    io_result try_flush() noexcept override
    {
        if constexpr (requires { value_.try_flush(); })
            return value_.try_flush();
        return io_result::moved(0);
    }
    bool sends_in_background() const noexcept override
    {
        if constexpr (requires { value_.sends_in_background(); })
            return value_.sends_in_background();
        return false;
    }
    io_result try_drain() noexcept override
    {
        if constexpr (requires { value_.try_drain(); })
            return value_.try_drain();
        return try_flush();
    }
    bool stale(direction d) const noexcept override
    {
        if constexpr (requires { value_.stale(d); })
            return value_.stale(d);
        return false;
    }
    bool drained() const noexcept override
    {
        if constexpr (requires { value_.drained(); })
            return value_.drained();
        return false;
    }
    bool in_memory() const noexcept override
    {
        if constexpr (requires { value_.in_memory(); })
            return value_.in_memory();
        return false;
    }
    native_handle_type native_handle() const noexcept override
    {
        if constexpr (requires { value_.native_handle(); })
            return value_.native_handle();
        return invalid_handle;
    }
    native_handle_type socket() const noexcept override
    {
        if constexpr (requires { value_.socket(); })
            return value_.socket();
        return native_handle();
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

    /// For the library that the type belongs to.
    [[nodiscard]] T& value() noexcept { return value_; }

private:
    T value_;
};

} // namespace detail

class descriptor;

namespace detail {

/// Like `adopt`, but ferrule keeps the handle even if no endpoint takes it.
[[nodiscard]] FERRULE_EXPORT descriptor own(native_handle_type handle);
/// Marks the handle as the caller's again if no endpoint takes it.
[[nodiscard]] descriptor callers(descriptor d) noexcept;

} // namespace detail

[[nodiscard]] descriptor adopt(native_handle_type handle);

/// Owns any `socket_like`. Move-only. Pass it to a `reader`, `writer` or `duplex`; a descriptor that is destroyed
/// before is closed.
class descriptor {
public:
    template <class T>
        requires(!std::same_as<T, descriptor> && socket_like<T>)
    descriptor(T value) : impl_(std::make_unique<detail::descriptor_holder<T>>(std::move(value)))
    {
    }
    /// For parts of ferrule that have taken it out of an endpoint.
    explicit descriptor(std::unique_ptr<detail::any_descriptor> taken) noexcept : impl_(std::move(taken)) {}
    descriptor(descriptor&&) noexcept = default;
    descriptor& operator=(descriptor&& other) noexcept
    {
        close();
        impl_ = std::move(other.impl_);
        was_callers_ = other.was_callers_;
        return *this;
    }
    ~descriptor() { close(); }

    /// For the endpoint that is about to take the descriptor over. Throws `usage_error` (`errc::wrong_direction`) if
    /// the descriptor does not move bytes in that direction. An adopted handle then stays open and belongs to the
    /// caller again.
    [[nodiscard]] descriptor&& require(direction d) &&
    {
        if (impl_ && !impl_->can(d)) {
            give_back();
            throw_error(errc::wrong_direction);
        }
        return std::move(*this);
    }
    /// For an endpoint that cannot take the descriptor over. An adopted handle belongs to the caller again.
    void give_back() noexcept
    {
        if (impl_ && was_callers_) {
            bytes nothing;
            (void)std::exchange(impl_, nullptr)->release(nothing);
        }
    }
    /// For the endpoint that takes the descriptor over. Leaves this object empty.
    [[nodiscard]] std::unique_ptr<detail::any_descriptor> take() && noexcept { return std::move(impl_); }
    /// For parts of ferrule that use the descriptor before an endpoint does. Null if it was taken.
    [[nodiscard]] detail::any_descriptor* get() const noexcept { return impl_.get(); }

private:
    void close() noexcept
    {
        if (impl_)
            impl_->close();
    }

    friend descriptor detail::callers(descriptor d) noexcept;

    std::unique_ptr<detail::any_descriptor> impl_;
    bool was_callers_ = false; // the handle returns to the caller if no endpoint takes it
};

inline descriptor detail::callers(descriptor d) noexcept
{
    d.was_callers_ = true;
    return d;
}

/// Takes ownership of an open handle; its kind is found by asking the system. The handle becomes close-on-exec. On
/// error the handle stays open and still belongs to the caller. This also holds for an endpoint that cannot use it:
/// after `reader(adopt(h))` throws, `h` is the caller's. Evaluate the endpoint's other arguments first, since an
/// exception from one of them closes the handle.
/// Throws: `usage_error` with `errc::bad_descriptor` for a handle that is not open or does not move bytes,
/// `errc::listening` for a listening socket, `errc::unsupported` for a kind that ferrule cannot drive.
[[nodiscard]] inline descriptor adopt(native_handle_type handle)
{
    return detail::callers(detail::own(handle));
}

/// Like `adopt`, with a duplicate of the handle; the original stays the caller's. The duplicate is close-on-exec, and
/// closed on any error.
[[nodiscard]] FERRULE_EXPORT descriptor duplicate(native_handle_type handle);

/// Uses the handle without owning it. The handle is not closed and its flags are not changed. The caller keeps it open
/// as long as the endpoint lives.
/// Platform: on Windows a socket becomes non-blocking and its events belong to this endpoint.
[[nodiscard]] FERRULE_EXPORT descriptor borrow(native_handle_type handle);

} // namespace ferrule
