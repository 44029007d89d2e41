// The interface of the compiled core. The templates of the public headers only build these requests.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/framing/framing.hpp>
#include <ferrule/socket_like.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace ferrule::detail {

class channel;
using channel_ptr = std::shared_ptr<channel>;

/// A type-erased `decode` of a framing. `position` is the number of bytes taken off the stream before `buffered`.
class decoder_ref {
public:
    using function = decode_result (*)(void* self, byte_view buffered, std::uint64_t position);

    decoder_ref() noexcept = default;
    decoder_ref(void* self, function f) noexcept : self_(self), decode_(f) {}
    decode_result operator()(byte_view buffered, std::uint64_t position) const
    {
        return decode_(self_, buffered, position);
    }
    explicit operator bool() const noexcept { return decode_ != nullptr; }

private:
    void* self_ = nullptr;
    function decode_ = nullptr;
};

/// A receive: which bytes to take off the stream.
class read_request {
public:
    enum class what : unsigned char {
        some,      // the first chunk, at most `size` bytes
        exactly,   // `size` bytes
        into,      // as many as fill `into`
        some_into, // the first chunk, at most what fits in `into`
        until,     // up to the first of `separators`
        silence,   // what has arrived when none has followed for `gap`; `size` is the limit
        all,       // everything up to the end
        frame,     // the next frame that `decoder` finds
        partial,   // the input read of an unfinished message; without a decoder all input read
        available  // what has arrived, possibly nothing, at most about `size` bytes; never waits for more
    };

    explicit read_request(what w, std::size_t n = 0) : size(n), kind(w) {}

    std::size_t size; // bytes; for `until`, `silence`, `all` and `frame` the limit
    std::chrono::nanoseconds gap{};
    std::span<std::byte> into{};
    std::vector<std::string> separators{};
    decoder_ref decoder{};
    std::shared_ptr<void> keep_alive{}; // the target of `decoder`
    bytes* reuse = nullptr;             // provides the memory of the result
    what kind;
    bool strip = false;          // leave the separator out
    bool peek = false;           // leave the bytes in the stream (`partial`), or only count them (`available`)
    bool end_is_nothing = false; // a clean end is no error
    bool outlived = true;        // the operation never outlives `into`, even if its context ends
};

/// A send, preceded by any unsent tail.
class write_request {
public:
    enum class what : unsigned char {
        send,     // `frame`; where packets have boundaries, its payload as one packet, even an empty one
        flush,    // the tail only
        drain,    // the tail, then wait until another send would be taken
        shutdown, // the tail, then half-close
        close     // the tail, then close, even if the tail could not be sent
    };

    explicit write_request(what w) noexcept : kind(w) {}

    encoded frame{};
    error_code refused{}; // why the framing would not encode the message: report that, send nothing
    what kind;
    bool outlived = true; // the operation never outlives what `frame` borrows, even if its context ends
};

/// The result of a transfer, beside its `error_code`.
class transfer_result {
public:
    bytes data{};                // received; on error: the first bytes of what had arrived
    std::size_t transferred = 0; // bytes delivered or sent; on error: bytes that had arrived or left
    bool ended = false;          // a clean end that is no error; `available`: the end follows
    bool taken = false;          // with an error: `data`, or the caller's memory, holds the first part of a packet
    std::exception_ptr thrown{}; // by the framing, with `errc::framing_failed`

    /// Throws the exception that fits `ec`, which must be an error.
    [[noreturn]] void raise(const error_code& ec) const
    {
        if (thrown)
            std::rethrow_exception(thrown);
        throw_error(ec, data, transferred);
    }
};

// All functions are thread-safe. A null channel counts as closed.

FERRULE_EXPORT error_code run(const channel_ptr& c, const read_request& request, const until& timeout,
                              transfer_result& result);
FERRULE_EXPORT error_code run(const channel_ptr& c, write_request& request, const until& timeout,
                              transfer_result& result);

/// Runs a request and throws on error.
template <class Request>
transfer_result transfer(const channel_ptr& c, Request&& request, const until& timeout)
{
    transfer_result r;
    if (const error_code ec = run(c, request, timeout, r))
        r.raise(ec);
    return r;
}
/// Sets `ec` instead of throwing. On error the result is empty, except for a truncated packet and the count of a send.
template <class Request>
transfer_result transfer(const channel_ptr& c, Request&& request, const until& timeout, error_code& ec)
{
    transfer_result r;
    ec = run(c, request, timeout, r);
    if constexpr (std::same_as<std::remove_cvref_t<Request>, read_request>)
        if (ec && !r.taken)
            r = {};
    return r;
}
/// Takes a function that makes the request and may run out of memory.
template <class Make>
transfer_result transfer_made(const channel_ptr& c, Make make, const until& timeout, error_code& ec)
{
    try {
        return transfer(c, make(), timeout, ec);
    } catch (const std::bad_alloc&) {
        ec = no_memory();
        return {};
    }
}

/// `run` without waiting, for `try_` functions. Returns false if it would have to wait, also for another operation.
/// Throws on other errors.
FERRULE_EXPORT bool run_now(const channel_ptr& c, const read_request& request, transfer_result& result);
/// Returns true also if only part has left; the channel then owns the rest.
FERRULE_EXPORT bool run_now(const channel_ptr& c, write_request& request);

FERRULE_EXPORT readiness arm(const channel_ptr& c, direction d);
FERRULE_EXPORT void disarm(const channel_ptr& c, direction d) noexcept;
FERRULE_EXPORT std::size_t unsent(const channel_ptr& c) noexcept;
FERRULE_EXPORT std::uint64_t skipped(const channel_ptr& c) noexcept;

FERRULE_EXPORT channel_ptr open_channel(descriptor d);
/// Throws `usage_error` (`errc::wrong_direction`) if the descriptor does not move bytes in direction `d`.
FERRULE_EXPORT void require(const channel_ptr& c, direction d);
/// Flushes until the deadline, then closes. Returns the number of bytes that did not leave.
FERRULE_EXPORT std::size_t close(const channel_ptr& c, const until& timeout) noexcept;
FERRULE_EXPORT bool is_open(const channel_ptr& c) noexcept;
/// For another owner that is to continue with the handle. Throws if this endpoint holds a part of either stream
/// (`errc::read_ahead`, `errc::torn`), has an operation under way (`errc::busy`), or is closed.
FERRULE_EXPORT void require_nothing_held(const channel_ptr& c);
/// Closes the endpoint without its descriptor. Throws as `require_nothing_held`, and then changes nothing.
[[nodiscard]] FERRULE_EXPORT descriptor take_descriptor(const channel_ptr& c);
FERRULE_EXPORT bool inheritable(const channel_ptr& c);
FERRULE_EXPORT void set_inheritable(const channel_ptr& c, bool on);
/// Gives the handle away, with the bytes that were read but not delivered.
FERRULE_EXPORT native_handle_type release(const channel_ptr& c, const until& timeout, bytes& leftover, error_code& ec);
/// Takes two channels over: reads from the first, writes to the second. Throws `error` and then changes nothing.
FERRULE_EXPORT channel_ptr join(const channel_ptr& in, const channel_ptr& out);

/// Keeps the system's handle open, and its number reserved, while this object lives.
class FERRULE_EXPORT handle_use {
public:
    explicit handle_use(channel_ptr c) noexcept;
    handle_use(const handle_use&) = delete;
    handle_use& operator=(const handle_use&) = delete;
    ~handle_use();

    /// `invalid_handle` if closed.
    [[nodiscard]] native_handle_type get() const noexcept { return handle_; }
    /// Null if closed.
    [[nodiscard]] any_descriptor* descriptor() const noexcept { return descriptor_; }

private:
    channel_ptr channel_;
    std::uint32_t entered_;
    any_descriptor* descriptor_ = nullptr;
    native_handle_type handle_ = invalid_handle;
};

} // namespace ferrule::detail
